"""Things beside other things."""

from rest_framework import serializers

# More than anybody holds; a bound for what one request can ask.
MOST_IDS = 100


class NamedSerializer(serializers.Serializer[object]):
    """A role or branch beside something else."""

    id = serializers.IntegerField()
    name = serializers.CharField()
