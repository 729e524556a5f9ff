"""`nlsr serve`: pictures over HTTP, for a page in a browser and for programs. Nothing else loads the extra `serve`."""
