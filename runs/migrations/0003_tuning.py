"""Tuning actions whole: priority, deferral, links, trials of criteria, webhooks, badges."""

import django.db.models.deletion
import runs.models.badge
import runs.models.webhook
import uuid
from django.conf import settings
from django.db import migrations, models

JUDGED = ("accepted", "implemented", "verified", "failed", "regressed")


def date_acceptances(apps, schema_editor):
    """The first event that accepted the action or went further, else when it was made."""
    events = apps.get_model("runs", "ActionEvent").objects
    for action in apps.get_model("runs", "Action").objects.filter(state__in=JUDGED):
        first = events.filter(action=action, to_state__in=JUDGED).order_by("at").first()
        action.accepted_at = first.at if first else action.created_at
        action.save(update_fields=["accepted_at"])


class Migration(migrations.Migration):
    dependencies = [
        ("runs", "0002_warehouse"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Badge",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "key",
                    models.CharField(default=runs.models.badge.new_key, max_length=64, unique=True),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Delivery",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                (
                    "event",
                    models.CharField(
                        choices=[
                            ("run.ready", "A run is ready"),
                            ("run.verdict", "A run has a verdict"),
                            ("action.verified", "A run verified an action"),
                            ("action.failed", "A run failed an action"),
                            ("action.regressed", "A run says that a gain is lost"),
                        ],
                        max_length=30,
                    ),
                ),
                ("key", models.CharField(max_length=200)),
                ("payload", models.JSONField()),
                ("created_at", models.DateTimeField()),
                ("next_at", models.DateTimeField(null=True)),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("delivered_at", models.DateTimeField(null=True)),
                ("status", models.PositiveIntegerField(null=True)),
                ("error", models.CharField(blank=True, max_length=500)),
            ],
            options={
                "verbose_name_plural": "deliveries",
                "ordering": ["-created_at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="Webhook",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("url", models.URLField(max_length=500)),
                (
                    "secret",
                    models.CharField(default=runs.models.webhook.new_secret, max_length=100),
                ),
                ("events", models.JSONField(default=list)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.AddField(
            model_name="action",
            name="accepted_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="action",
            name="deferred_until",
            field=models.DateField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="action",
            name="environment",
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.AddField(
            model_name="action",
            name="findings",
            field=models.JSONField(blank=True, default=list),
        ),
        migrations.AddField(
            model_name="action",
            name="links",
            field=models.JSONField(blank=True, default=list),
        ),
        migrations.AddField(
            model_name="action",
            name="needed_runs",
            field=models.PositiveSmallIntegerField(default=1),
        ),
        migrations.AddField(
            model_name="action",
            name="own_priority",
            field=models.PositiveSmallIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="action",
            name="priority_reason",
            field=models.CharField(blank=True, max_length=500),
        ),
        migrations.AddField(
            model_name="action",
            name="proposal",
            field=models.CharField(blank=True, max_length=200, null=True),
        ),
        migrations.AddField(
            model_name="actioncriterion",
            name="trial",
            field=models.JSONField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="actioncriterion",
            name="trial_run",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="runs.run",
            ),
        ),
        migrations.AddField(
            model_name="actionevent",
            name="figures",
            field=models.JSONField(blank=True, default=list),
        ),
        migrations.AddField(
            model_name="retest",
            name="is_clear",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="retest",
            name="look",
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name="actionevent",
            name="kind",
            field=models.CharField(
                choices=[
                    ("created", "Created"),
                    ("transition", "Changed state"),
                    ("edited", "Edited"),
                    ("criterion", "Criterion changed"),
                    ("retest", "Re-tested"),
                    ("comment", "Comment"),
                ],
                max_length=15,
            ),
        ),
        migrations.RunPython(date_acceptances, migrations.RunPython.noop, elidable=True),
        migrations.AddConstraint(
            model_name="action",
            constraint=models.UniqueConstraint(
                fields=("project", "proposal"), name="one_action_a_proposal"
            ),
        ),
        migrations.AddConstraint(
            model_name="action",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["quick_win", "structural"])),
                name="action_kind_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="action",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("area__in", ["database", "cache", "rate_limit", "llm", "cpu", "other"])
                ),
                name="action_area_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="action",
            constraint=models.CheckConstraint(
                condition=models.Q(("impact__in", ["low", "medium", "high"])),
                name="action_impact_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="action",
            constraint=models.CheckConstraint(
                condition=models.Q(("effort__in", ["low", "medium", "high"])),
                name="action_effort_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="action",
            constraint=models.CheckConstraint(
                condition=models.Q(("risk__in", ["low", "medium", "high"])),
                name="action_risk_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="action",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("accepted_at__isnull", False),
                    models.Q(
                        (
                            "state__in",
                            ["accepted", "implemented", "verified", "failed", "regressed"],
                        ),
                        _negated=True,
                    ),
                    _connector="OR",
                ),
                name="action_was_accepted_before_it_was_judged",
            ),
        ),
        migrations.AddConstraint(
            model_name="action",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("deferred_until__isnull", True), ("state", "deferred"), _connector="OR"
                ),
                name="action_has_a_date_only_while_deferred",
            ),
        ),
        migrations.AddConstraint(
            model_name="action",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("own_priority__isnull", True), ("priority_reason", "")),
                    models.Q(
                        ("own_priority__isnull", False),
                        ("own_priority__lte", 12),
                        models.Q(("priority_reason", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="action_priority_is_overruled_with_a_reason",
            ),
        ),
        migrations.AddConstraint(
            model_name="action",
            constraint=models.CheckConstraint(
                condition=models.Q(("needed_runs__gte", 1), ("needed_runs__lte", 20)),
                name="action_needs_1_to_20_runs",
            ),
        ),
        migrations.AddConstraint(
            model_name="actioncriterion",
            constraint=models.CheckConstraint(
                condition=models.Q(("by__in", ["point", "interval"])), name="criterion_by_is_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="actionevent",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("from_state", ""), ("to_state", "")),
                    models.Q(
                        ("from_state", ""),
                        ("kind", "created"),
                        ("to_state__in", ["proposed", "accepted", "implemented"]),
                    ),
                    models.Q(
                        ("from_state", "proposed"),
                        ("kind", "transition"),
                        ("to_state__in", ["accepted", "deferred", "rejected"]),
                    ),
                    models.Q(
                        ("from_state", "accepted"),
                        ("kind", "transition"),
                        ("to_state__in", ["deferred", "implemented", "proposed", "rejected"]),
                    ),
                    models.Q(
                        ("from_state", "implemented"),
                        ("kind", "transition"),
                        ("to_state__in", ["accepted", "deferred", "rejected"]),
                    ),
                    models.Q(
                        ("from_state", "verified"),
                        ("kind", "transition"),
                        ("to_state__in", ["implemented"]),
                    ),
                    models.Q(
                        ("from_state", "failed"),
                        ("kind", "transition"),
                        ("to_state__in", ["accepted", "deferred", "implemented", "rejected"]),
                    ),
                    models.Q(
                        ("from_state", "regressed"),
                        ("kind", "transition"),
                        ("to_state__in", ["accepted", "deferred", "implemented", "rejected"]),
                    ),
                    models.Q(
                        ("from_state", "rejected"),
                        ("kind", "transition"),
                        ("to_state__in", ["proposed"]),
                    ),
                    models.Q(
                        ("from_state", "deferred"),
                        ("kind", "transition"),
                        ("to_state__in", ["accepted", "proposed"]),
                    ),
                    models.Q(
                        ("from_state", "implemented"),
                        ("kind", "retest"),
                        ("to_state__in", ["failed", "verified"]),
                    ),
                    models.Q(
                        ("from_state", "verified"),
                        ("kind", "retest"),
                        ("to_state__in", ["regressed"]),
                    ),
                    _connector="OR",
                ),
                name="event_follows_an_arrow",
            ),
        ),
        migrations.AddConstraint(
            model_name="retest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("outcome__in", ["pass", "fail", "inconclusive", "not_applicable"])
                ),
                name="retest_outcome_is_known",
            ),
        ),
        migrations.AddField(
            model_name="badge",
            name="project",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE, related_name="badge", to="runs.project"
            ),
        ),
        migrations.AddField(
            model_name="webhook",
            name="created_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="webhook",
            name="project",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="webhooks",
                to="runs.project",
            ),
        ),
        migrations.AddField(
            model_name="delivery",
            name="webhook",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="deliveries",
                to="runs.webhook",
            ),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(fields=["next_at"], name="delivery_by_next_at"),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.UniqueConstraint(
                fields=("webhook", "key"), name="one_delivery_a_key"
            ),
        ),
    ]
