"""`suno-async doctor --live`: what is not known of a gateway, asked of it."""
