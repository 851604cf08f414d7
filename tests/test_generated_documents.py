import pytest

from tests.generate_documents import DOCUMENTS, RENEW, ROOT


@pytest.mark.parametrize("path", DOCUMENTS)
def test_a_document_is_what_the_code_says(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CORS_ORIGINS", "METRICS_PORT"):
        monkeypatch.delenv(name, raising=False)
    assert (ROOT / path).read_text() == DOCUMENTS[path](), f"{path} is stale: run `{RENEW}`"
