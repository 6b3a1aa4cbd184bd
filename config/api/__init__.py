"""The API kit: what every app's views share. Knows no app."""
