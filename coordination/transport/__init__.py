"""Who asks, what they may see, call the service, render the answer. No rule of the domain lives here."""
