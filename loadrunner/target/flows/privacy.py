"""Privacy: an export is a job (submit, poll, download); a deletion has four good answers."""

from loadrunner.target.exchange import Exchange
from loadrunner.target.router import Route
from loadrunner.target.service import Export, Service, turn_away
from loadrunner.target.settings import DELETE_STATUSES


def routes(service: Service) -> tuple[Route, ...]:
    return (*_export_routes(service), _delete_route(service))


def _export_routes(service: Service) -> tuple[Route, ...]:
    def submit(exchange: Exchange, user: str, _: tuple[str, ...]) -> None:
        now_s = exchange.arrived_s
        wait_s = service.exports.pool.wait_s(now_s)
        if wait_s > service.settings.export_max_wait:
            turn_away(exchange, "exports", wait_s)
            return
        ready_s = service.exports.admit(now_s).left_s
        job = service.export_jobs.add(Export(user, ready_s))
        busy_until_s = service.busy_exporting_until_s.get(user, 0.0)
        service.busy_exporting_until_s[user] = max(busy_until_s, ready_s)
        answer = {"job_id": job, "status": "pending"}
        service.reply_later(exchange, now_s + service.cache.time_s, 202, answer)

    def poll(exchange: Exchange, user: str, values: tuple[str, ...]) -> None:
        export = _find(service, exchange, user, values[0])
        if export is not None:
            now_s = exchange.arrived_s
            status = "ready" if export.ready_s <= now_s else "pending"
            answer = {"job_id": values[0], "status": status}
            service.reply_later(exchange, now_s + service.cache.time_s, 200, answer)

    def download(exchange: Exchange, user: str, values: tuple[str, ...]) -> None:
        export = _find(service, exchange, user, values[0])
        if export is None:
            return
        if export.ready_s > exchange.arrived_s:
            exchange.refuse(409, "not_ready", f"The export {values[0]} is not ready yet.")
            return
        answer = {"job_id": values[0], "user": user, "records": _RECORDS}
        service.reply_later(exchange, exchange.arrived_s + service.cache.time_s, 200, answer)

    return (
        Route("POST", "/v1/privacy/export", service.for_members(submit)),
        Route("GET", "/v1/privacy/export/{job}", service.for_members(poll)),
        Route("GET", "/v1/privacy/export/{job}/download", service.for_members(download)),
    )


_RECORDS = [{"kind": "message", "text": "What I once wrote."}] * 20


def _find(service: Service, exchange: Exchange, user: str, job: str) -> Export | None:
    """Answers 404 itself where the user has no such export."""
    export = service.export_jobs.get(job)
    if export is None or export.user != user:
        exchange.refuse(404, "not_found", f"There is no export {job} of this user.")
        return None
    return export


def _delete_route(service: Service) -> Route:
    """Each deletion holds a worker while the user's data are looked for, whatever is found."""

    def delete(exchange: Exchange, user: str, _: tuple[str, ...]) -> None:
        now_s = exchange.arrived_s
        visit = service.deletions.admit(now_s)
        if not visit.is_served:
            service.give_up(exchange, visit, "deletion worker")
            return
        if service.busy_exporting_until_s.get(user, 0.0) > now_s:
            status = 409
        else:
            status = DELETE_STATUSES[service.delete_choice.draw()]
        service.reply_later(exchange, visit.left_s, status, _ANSWERS[status])

    return Route("POST", "/v1/privacy/delete", service.for_members(delete))


_ANSWERS: dict[int, dict[str, object]] = {
    200: {"status": "deleted"},
    202: {"status": "queued"},
    404: {"code": "not_found", "detail": "No data of this user are left.", "errors": []},
    409: {"code": "export_running", "detail": "An export of this user is running.", "errors": []},
}
