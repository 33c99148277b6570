"""Tasks and waiting over the ports of the domain: it needs an event loop, and knows no technology."""
