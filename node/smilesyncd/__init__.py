"""The daemon around a peer: sockets, disk, lamp, control socket and the commands a person types."""
