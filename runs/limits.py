"""What a run may hold, by the settings."""

from django.conf import settings

from runs.formats.limits import Limits


def limits() -> Limits:
    """What a run may hold, by the settings."""
    return Limits(
        inflated_bytes=settings.HEADROOM_MAX_INFLATED_BYTES,
        samples=settings.HEADROOM_MAX_SAMPLES,
        series=settings.HEADROOM_MAX_SERIES,
    )
