"""The link and the edge server: wire format, client, server, pacing."""
