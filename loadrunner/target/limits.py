"""The limits by which the target protects itself: global, per user, and per plan of an API key."""

import math
from collections import Counter

from loadrunner.target.exchange import Exchange
from loadrunner.target.quota import Allowance, Quota
from loadrunner.target.recent import Recent
from loadrunner.target.settings import TargetSettings
from loadrunner.target.token_bucket import Admission, TokenBucket

SCOPES = ("global", "user", "plan", "quota")


class Limits:
    """Each `…_admits` answers a request that it refuses, counts it under its scope, and says False.

    A rate of zero is no limit, and a quota of zero is none.
    """

    def __init__(self, settings: TargetSettings) -> None:
        self._settings = settings
        self.reset()

    def reset(self) -> None:
        settings = self._settings
        self.rejections = {scope: Recent(settings.summary_window) for scope in SCOPES}
        self._users: dict[str, TokenBucket] = {}
        self._plans: dict[str, TokenBucket] = {}
        self._quotas: dict[str, Quota] = {}
        self._all = TokenBucket(settings.global_rate, settings.global_burst)

    def rejected_total(self) -> Counter[str]:
        return Counter({scope: int(recent.total) for scope, recent in self.rejections.items()})

    def global_admits(self, exchange: Exchange) -> bool:
        if not self._settings.global_rate:
            return True
        return self._admits(exchange, self._all, "global")

    def user_admits(self, exchange: Exchange, user: str) -> bool:
        settings = self._settings
        if not settings.user_rate:
            return True
        bucket = self._users.get(user)
        if bucket is None:
            bucket = self._users[user] = TokenBucket(settings.user_rate, settings.user_burst)
        return self._admits(exchange, bucket, "user")

    def plan_admits(self, exchange: Exchange, key: str) -> dict[str, str] | None:
        """The header fields for the answer; None where the request was refused and answered."""
        settings = self._settings
        fields: dict[str, str] = {}
        if settings.b2b_rate:
            bucket = self._plans.setdefault(key, TokenBucket(settings.b2b_rate, settings.b2b_burst))
            admission = bucket.take(exchange.arrived_s)
            if not admission.is_admitted:
                self._refuse(exchange, bucket, admission, "plan")
                return None
            fields |= _rate_fields(bucket, admission, "plan")
        if settings.b2b_quota:
            quota = self._quotas.setdefault(
                key, Quota(settings.b2b_quota, settings.b2b_quota_window)
            )
            allowance = quota.take(exchange.arrived_s)
            if not allowance.is_admitted:
                self._refuse_payment(exchange, quota, allowance)
                return None
            fields |= _quota_fields(quota, allowance)
        return fields

    def _admits(self, exchange: Exchange, bucket: TokenBucket, scope: str) -> bool:
        admission = bucket.take(exchange.arrived_s)
        if not admission.is_admitted:
            self._refuse(exchange, bucket, admission, scope)
        return admission.is_admitted

    def _refuse(
        self, exchange: Exchange, bucket: TokenBucket, admission: Admission, scope: str
    ) -> None:
        self.rejections[scope].add(exchange.arrived_s)
        fields = _rate_fields(bucket, admission, scope)
        fields["Retry-After"] = str(max(1, math.ceil(admission.retry_after_s)))
        detail = f"The {scope} limit of {bucket.rate:g} requests/s is used up."
        exchange.refuse(429, "rate_limited", detail, fields)

    def _refuse_payment(self, exchange: Exchange, quota: Quota, allowance: Allowance) -> None:
        self.rejections["quota"].add(exchange.arrived_s)
        detail = f"The plan's {quota.requests} requests are used up until the window ends."
        exchange.refuse(402, "quota_used_up", detail, _quota_fields(quota, allowance))


def _rate_fields(bucket: TokenBucket, admission: Admission, scope: str) -> dict[str, str]:
    """`X-RateLimit-Reset` is in whole seconds from now, until the bucket is full again."""
    return {
        "X-RateLimit-Scope": scope,
        "X-RateLimit-Limit": f"{bucket.rate:g}",
        "X-RateLimit-Remaining": str(admission.remaining),
        "X-RateLimit-Reset": str(math.ceil(admission.reset_s)),
    }


def _quota_fields(quota: Quota, allowance: Allowance) -> dict[str, str]:
    return {
        "X-Quota-Limit": str(quota.requests),
        "X-Quota-Remaining": str(allowance.remaining),
        "X-Quota-Reset": str(math.ceil(allowance.reset_s)),
    }
