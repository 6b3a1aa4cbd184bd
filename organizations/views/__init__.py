"""The routes of organisations and who belongs to them."""
