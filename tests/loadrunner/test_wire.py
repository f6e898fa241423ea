"""What goes over the wire, byte for byte."""

from loadrunner.campaign.model import Request, Variable
from loadrunner.engine.wire import Stamp, Wire, origin
from loadrunner.version import VERSION

STAMP = Stamp("run-1", "00112233445566aa")
CREDENTIAL = b"authorization: Bearer abc\r\n"


class Journey:
    """The 7th, with two values."""

    number = 7

    def text(self, variable: Variable) -> str:
        return {"id": "x/1", "text": "50 %", "journey": "extracted"}[variable.name]


def test_a_request_without_variables_is_one_piece_with_its_trace_id() -> None:
    wire = Wire(Request("GET", ("/a?b=1",)), origin("http://127.0.0.1:8900"), STAMP)
    assert wire.encode(CREDENTIAL, 26, Journey()).decode() == (
        "GET /a?b=1 HTTP/1.1\r\n"
        "host: 127.0.0.1:8900\r\n"
        f"user-agent: loadrunner/{VERSION}\r\n"
        "accept: */*\r\n"
        "x-headroom-run: run-1\r\n"
        "authorization: Bearer abc\r\n"
        "traceparent: 00-00112233445566aa000000000000001a-00112233445566aa-01\r\n"
        "\r\n"
    )


def test_variables_stand_in_path_header_and_body_and_the_length_counts_bytes() -> None:
    request = Request(
        "POST",
        ("/items/", Variable("id")),
        (("x-note", (Variable("text"),)),),
        ("é ", Variable("text")),
    )
    wire = Wire(request, origin("http://[::1]:8900/base/"), STAMP)
    sent = wire.encode(b"", 1, Journey()).decode()
    assert sent.startswith("POST /base/items/x/1 HTTP/1.1\r\nhost: [::1]:8900\r\n")
    assert "x-note: 50 %\r\n" in sent
    assert sent.endswith("content-length: 7\r\n\r\né 50 %")


def test_a_header_of_the_campaign_takes_the_place_of_the_default() -> None:
    request = Request("GET", ("/",), (("Accept", ("text/event-stream",)), ("Host", ("a.test",))))
    sent = Wire(request, origin("http://127.0.0.1"), STAMP).encode(b"", 1, Journey()).decode()
    assert "Accept: text/event-stream\r\n" in sent
    assert "accept: */*" not in sent
    assert sent.count("ost: ") == 1


def test_a_post_without_a_body_says_that_it_is_empty() -> None:
    wire = Wire(Request("POST", ("/",)), origin("https://a.test"), STAMP)
    sent = wire.encode(b"", 1, Journey()).decode()
    assert "host: a.test\r\n" in sent
    assert sent.endswith("content-length: 0\r\n\r\n")


def test_the_number_of_the_journey_is_written_in_digits_unless_an_answer_has_set_it() -> None:
    request = Request("POST", ("/",), (), ("n=", Variable("journey")))
    built_in = Wire(request, origin("http://a.test"), STAMP).encode(b"", 1, Journey())
    assert built_in.endswith(b"content-length: 3\r\n\r\nn=7")
    extracted = Wire(request, origin("http://a.test"), STAMP, {"journey"}).encode(b"", 1, Journey())
    assert extracted.endswith(b"content-length: 11\r\n\r\nn=extracted")
