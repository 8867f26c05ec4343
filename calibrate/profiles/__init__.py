"""What can be done with finished profiles: files, comparing, pooling, redacting."""
