"""The routes of saved filters, a module for each noun."""
