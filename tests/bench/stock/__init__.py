"""Django's own database backend, with what the product's code asks of `config.db` on the way."""
