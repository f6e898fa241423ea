"""The journeys of examples/journeys.yaml: what no list of steps can say.

Requests go the way of all others: the same connections, clocks, samples and guards.
"""

from loadrunner.hooks import Session

MOST_POLLS = 20


async def export(session: Session) -> None:
    """Submit an export, ask for it until it is ready, download it."""
    submitted = await session.post("/v1/privacy/export", step="submit")
    if not submitted.ok:
        return  # the sample says what came
    job = submitted.json()["job_id"]
    for _ in range(MOST_POLLS):
        await session.sleep(0.1)
        answer = await session.get(f"/v1/privacy/export/{job}", step="poll")
        if answer.ok and answer.json()["status"] == "ready":
            break
    else:
        session.fail("the export was not ready in time")
    download = await session.get(f"/v1/privacy/export/{job}/download", step="download")
    if download.ok and not download.json()["records"]:
        download.fail("the export is empty")


async def conversation(session: Session) -> None:
    """One to three messages, then the conversation; every tenth user speaks French."""
    headers = {"Accept-Language": "fr"} if session.user % 10 == 0 else {}
    for _ in range(1 + session.number % 3):
        text = {"text": session.variables["text"]}
        sent = await session.post(
            "/v1/chat/messages", step="send_message", json=text, headers=headers
        )
        await session.sleep(0.5)
    conversation = sent.json()["conversation_id"]
    await session.get(f"/v1/chat/conversations/{conversation}", step="history")
