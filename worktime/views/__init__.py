"""The endpoints of working time, by what they are about."""
