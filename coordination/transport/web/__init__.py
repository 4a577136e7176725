"""What people and their monitors look at: the health routes now, pages later."""
