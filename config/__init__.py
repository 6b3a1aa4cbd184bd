"""The platform: settings, database backend, caches, API kit, composition root."""
