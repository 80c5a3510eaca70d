"""Bodies that are forms: multipart/form-data, read with the standard library's parser of mail."""

from email import policy
from email.parser import BytesParser

from textmill.errors import UsageError
from textmill.serve.refusal import Refused

FORM, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"
MOST_FIELDS = 20


def multipart(data: bytes, content_type: str) -> dict[str, str]:
    """Returns the fields of a form; files are refused."""
    head = b"Content-Type: " + content_type.encode("latin-1", "replace") + b"\r\n\r\n"
    message = BytesParser(policy=policy.HTTP).parsebytes(head + data)
    parts = list(message.iter_parts()) if message.is_multipart() else []
    if not parts or len(parts) > MOST_FIELDS:
        raise Refused(UsageError("serve.not_form", detail=f"{len(parts)} / {MOST_FIELDS}"))
    found: dict[str, str] = {}
    for part in parts:
        name = part.get_param("name", header="content-disposition")
        if not isinstance(name, str) or part.get_filename() is not None:
            raise Refused(UsageError("serve.not_form", detail=str(name)[:80]))
        raw = part.get_payload(decode=True)
        try:
            found[name] = raw.decode("utf-8") if isinstance(raw, bytes) else ""
        except UnicodeDecodeError as error:
            raise Refused(UsageError("serve.not_form", detail=str(error)[:200])) from None
    return found
