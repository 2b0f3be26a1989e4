"""What the local address keeps over a restart: its folder, what is stored of each service, and how that comes back."""
