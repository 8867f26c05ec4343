"""Head, tail and blocks as files of their own, with their manifests."""
