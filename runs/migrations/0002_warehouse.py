"""Retention, deleted runs, and the scenarios by which runs are found.

SQLite appends new columns. A row's large documents would then stand before them, and whoever asks
for one would read past the documents; so they are moved to the end again.
"""

import django.db.models.deletion
from django.db import migrations, models


def name_scenarios(apps, schema_editor):
    runs = apps.get_model("runs", "Run").objects
    for run in runs.only("pk", "manifest").iterator(chunk_size=50):
        names = dict.fromkeys(phase["scenario"] for phase in run.manifest.get("phases", []))
        runs.filter(pk=run.pk).update(scenarios="".join(f"\n{name}" for name in names) + "\n")
    fire_triggers(schema_editor)


def moved_to_the_end(name, field):
    """The column as it was, behind all others."""
    old = f"{name}_before"
    return [
        migrations.RenameField("run", name, old),
        migrations.AddField("run", name, field),
        migrations.RunPython(copy(old, name), migrations.RunPython.noop, elidable=True),
        migrations.RemoveField("run", old),
    ]


def copy(old, new):
    def copied(apps, schema_editor):
        apps.get_model("runs", "Run").objects.update(**{new: models.F(old)})
        fire_triggers(schema_editor)

    return copied


def fire_triggers(schema_editor):
    """PostgreSQL alters no table whose rows still wait for the check of their foreign keys."""
    schema_editor.connection.check_constraints()


class Migration(migrations.Migration):
    dependencies = [("runs", "0001_initial")]

    operations = [
        migrations.AddField("project", "keep_days", models.PositiveIntegerField(null=True, blank=True)),
        migrations.AddField("project", "keep_runs", models.PositiveIntegerField(null=True, blank=True)),
        migrations.AddField("run", "scenarios", models.TextField(blank=True, default=""), preserve_default=False),
        migrations.AddField("run", "derived_bytes", models.BigIntegerField(default=0)),
        migrations.AddField("run", "deleted_at", models.DateTimeField(null=True, blank=True)),
        migrations.AddField("run", "deleted_by", models.CharField(max_length=200, blank=True, default=""), preserve_default=False),
        migrations.RunPython(name_scenarios, migrations.RunPython.noop, elidable=True),
        *moved_to_the_end("manifest", models.JSONField(default=dict)),
        *moved_to_the_end("report", models.JSONField(null=True, blank=True)),
        *moved_to_the_end("timeline", models.JSONField(null=True, blank=True)),
        *moved_to_the_end("curves", models.JSONField(null=True, blank=True)),
        migrations.RemoveIndex("run", "run_by_project"),
        migrations.RemoveIndex("run", "run_by_start"),
        migrations.AddIndex(
            "run",
            models.Index(
                fields=["project", "-started_at", "-id"],
                name="live_run_by_project",
                condition=models.Q(deleted_at=None),
            ),
        ),
        migrations.AddIndex(
            "run",
            models.Index(
                fields=["-started_at", "-id"],
                name="live_run_by_start",
                condition=models.Q(deleted_at=None),
            ),
        ),
        migrations.CreateModel(
            name="Purge",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("run", models.UUIDField()),
                ("campaign", models.CharField(max_length=200)),
                ("started_at", models.DateTimeField()),
                ("bytes", models.BigIntegerField()),
                ("reason", models.CharField(max_length=200)),
                ("at", models.DateTimeField()),
                ("project", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="purges", to="runs.project")),
            ],
            options={"ordering": ["-at", "-id"]},
        ),
    ]
