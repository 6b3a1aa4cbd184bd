from django.apps import AppConfig


class FilterlistsConfig(AppConfig):
    """Saved filters, and how people look at tables."""

    name = "filterlists"
    verbose_name = "Filter lists"

    def ready(self) -> None:
        """Hand the look-up of stored lists to the lists that take `?filter=`."""
        from config.api.tables import connect
        from filterlists.cache import asker_of_request, filter_of_request

        connect(asker=asker_of_request, stored=filter_of_request)
