"""Who is there, and how datagrams become authenticated messages."""
