"""What the API takes and shows of organisations and who belongs to them."""
