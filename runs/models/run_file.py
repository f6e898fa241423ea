from django.db import models

from runs.models.run import Run


class RunFile(models.Model):
    """A raw file of a run, byte for byte as it came; the bytes lie in the store."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="files")
    name = models.CharField(max_length=100)
    bytes = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    received_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["run", "name"], name="one_file_a_name_and_run")
        ]

    def __str__(self) -> str:
        return self.name
