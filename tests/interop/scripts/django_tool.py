"""Django on PyMySQL: a model over a table that is there."""

import datetime
import decimal

import pymysql
from job import run

pymysql.install_as_MySQLdb()

import django  # noqa: E402 - it looks for MySQLdb
from django.conf import settings  # noqa: E402
from django.db import connection, models  # noqa: E402
from django.db.models import Count, Q  # noqa: E402


def as_json(value):
    """A value as text, in the way that all tools write it."""
    if isinstance(value, datetime.datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    return str(value) if isinstance(value, decimal.Decimal) else value


def tool(job):
    settings.configure(
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.mysql",
                "HOST": job["host"],
                "PORT": job["port"],
                "USER": job["user"],
                "PASSWORD": job["password"],
                "NAME": job["database"],
                "OPTIONS": {"ssl": {"ca": job["ca"], "check_hostname": True}},
            }
        },
        TIME_ZONE="UTC",
        USE_TZ=True,
    )
    django.setup()

    class Item(models.Model):
        name = models.CharField(max_length=50)
        price = models.DecimalField(max_digits=10, decimal_places=2, null=True)
        made = models.DateTimeField(null=True)
        active = models.BooleanField()

        class Meta:
            managed = False
            db_table = "item"
            app_label = "tool"

    def status(name):
        with connection.cursor() as cursor:
            cursor.execute("SHOW STATUS LIKE %s", [name])
            return cursor.fetchone()[1]

    rows = Item.objects.order_by("id").values_list("id", "name", "price", "made", "active")
    cheap = Item.objects.filter(Q(price__lt=5) | Q(price=None)).exclude(name__startswith="z").order_by("-name")
    return {
        "ssl_cipher": status("Ssl_cipher"),
        "ssl_version": status("Ssl_version"),
        "tables": connection.introspection.table_names(),
        "rows": [[as_json(value) for value in row] for row in rows],
        "count": Item.objects.count(),
        "extra": {
            "filtered": [item.name for item in cheap],
            "values": list(Item.objects.filter(id__in=[1, 2]).order_by("id").values("id", "active")),
            "grouped": list(Item.objects.values("active").annotate(n=Count("id")).order_by("active").values_list("n", flat=True)),
            "year": Item.objects.filter(made__year=2024).count(),
            "slice": list(Item.objects.order_by("id").values_list("id", flat=True)[1:3]),
            "contains": [Item.objects.filter(name__icontains="CH").count(), Item.objects.filter(name="süß").exists()],
            "zones": connection.features.has_zoneinfo_database,
        },
    }


run(tool)
