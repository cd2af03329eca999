import os
import django
import psycopg2.extensions
from django.conf import settings
from django.core.management import call_command

dsn = psycopg2.extensions.parse_dsn(os.environ["DATABASE_URL"])
database = {"ENGINE": "django.db.backends.postgresql", "NAME": dsn.pop("dbname"), "OPTIONS": dsn}
settings.configure(INSTALLED_APPS=["notes"], DATABASES={"default": database}, DEFAULT_AUTO_FIELD="django.db.models.BigAutoField")
django.setup()
call_command("migrate", verbosity=0)

from notes.models import Note  # noqa: E402

Note.objects.create(text="one")
print(Note.objects.count() == 1)
