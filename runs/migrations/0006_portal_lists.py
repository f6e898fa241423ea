from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("runs", "0005_tuning_reports_and_changes")]

    operations = [
        migrations.AddIndex(
            model_name="run",
            index=models.Index(
                fields=[
                    "project",
                    "deleted_at",
                    "campaign",
                    "branch",
                    "processing",
                    "validity",
                    "verdict",
                    "-started_at",
                    "id",
                ],
                name="run_by_choice",
            ),
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(
                fields=["project", "campaign", "-started_at", "-id"],
                name="live_baseline",
                condition=models.Q(deleted_at=None, is_baseline=True),
            ),
        ),
    ]
