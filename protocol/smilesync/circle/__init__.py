"""Agreement: values, votes, decisions, leases and the fallback ladder."""
