"""Django's command line. In dev mode the embedded servers are there before settings load."""

import os
import sys


def main() -> None:
    """Run one management command as a database client of its own kind (`config.db.pool`)."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    os.environ["STECHUHR_PROCESS"] = "command"
    if os.environ.get("STECHUHR_DEV") == "1":
        from config.dev import environment

        environment.prepare(sys.argv)
    from django.core.management import execute_from_command_line

    from config.db.errors import DatabaseShortage

    try:
        execute_from_command_line(sys.argv)
    except DatabaseShortage as error:
        if "--traceback" in sys.argv:
            raise
        sys.exit(f"{error.code}: {error}")


if __name__ == "__main__":
    main()
