import pytest

from tests.generate_documents import DOCUMENTS, REGENERATE_COMMAND, ROOT


@pytest.mark.parametrize("path", DOCUMENTS)
def test_the_document_is_up_to_date(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CORS_ORIGINS", "METRICS_PORT"):
        monkeypatch.delenv(name, raising=False)
    assert (ROOT / path).read_text() == DOCUMENTS[path](), (
        f"{path} is stale: run `{REGENERATE_COMMAND}`"
    )
