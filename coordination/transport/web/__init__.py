"""Pages and streams for people. They read, and never write."""
