from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infrastructure.seals.policy_file import (
    MAX_LINES_OF_A_KIND,
    MAX_POLICY_BYTES,
    PolicyMalformed,
    parse_policy,
)
from infrastructure.seals.signatures import (
    ED25519,
    ED25519_COSIGNATURE,
    ML_DSA_44,
    new_signing_key,
    parse_vkey,
    signing_key,
)
from infrastructure.seals.trust_policy import PolicyGroup, PolicyLog, PolicyWitness

LOG = new_signing_key("log.example/a").verifier
POST_QUANTUM_LOG = new_signing_key("log.example/a", ML_DSA_44).verifier
W1, W2, W3 = (
    new_signing_key(f"w{number}.example", ED25519_COSIGNATURE).verifier for number in (1, 2, 3)
)
W4 = new_signing_key("w4.example", ML_DSA_44).verifier
WITNESSES = f"witness X1 {W1}\nwitness X2 {W2}\nwitness X3 {W3}\n"


def test_every_kind_of_line_is_read() -> None:
    policy = parse_policy(
        f"""
        # A comment; blanks and tabs separate.
        log {LOG} https://log.example/
        \tlog   {POST_QUANTUM_LOG}\t
        witness X1 {W1} https://w1.example/submit
        witness X4\t{W4}
        witness X2 {W2}
        group both all X1 X4
        group any-of-all any both X2
        quorum any-of-all
        """.encode()
    )
    assert policy.logs == (PolicyLog(LOG, "https://log.example/"), PolicyLog(POST_QUANTUM_LOG))
    assert policy.witnesses == (
        PolicyWitness("X1", W1, "https://w1.example/submit"),
        PolicyWitness("X4", W4),
        PolicyWitness("X2", W2),
    )
    assert policy.groups == (
        PolicyGroup("both", 2, ("X1", "X4")),
        PolicyGroup("any-of-all", 1, ("both", "X2")),
    )
    assert policy.quorum == "any-of-all"


def test_names_are_bytes_that_are_never_interpreted() -> None:
    kelvin, latin = "\u212a".encode(), b"\xff\xfe"
    policy = parse_policy(
        b"witness K %b\nwitness %b %b\nwitness %b %b\ngroup g all K %b %b\nquorum g"
        % (_bytes(W1), kelvin, _bytes(W2), latin, _bytes(W3), kelvin, latin)
    )
    assert len({witness.name for witness in policy.witnesses}) == 3
    assert policy.is_satisfied([W1, W2, W3])
    assert not policy.is_satisfied([W1, W2])


def test_a_no_break_space_separates_nothing() -> None:
    assert parse_policy(f"witness a\u00a0b {W1}\nquorum a\u00a0b".encode()).quorum == "a\u00a0b"


@pytest.mark.parametrize("text", ["quorum none", "  quorum\tnone  \n", "#x\n\nquorum none\n#y"])
def test_a_policy_may_have_neither_logs_nor_witnesses(text: str) -> None:
    policy = parse_policy(text.encode())
    assert (policy.logs, policy.witnesses, policy.quorum) == ((), (), "none")
    assert policy.is_satisfied([])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no quorum line"),
        (f"log {LOG}\n", "no quorum line"),
        ("quorum none\nquorum none", "line 2: a policy has one quorum line"),
        ("quorum", "line 1: the form is `quorum <name>`"),
        ("quorum a b", "line 1: the form is `quorum <name>`"),
        ("quorum X1", "line 1: no line before this one defines a witness or group `X1`"),
        (f"quorum X1\n{WITNESSES}", "line 1: no line before this one"),
        ("Quorum none", "line 1: `Quorum` is not one of"),
        ("loog x", "line 1: `loog` is not one of"),
        ("log", "line 1: the form is `log <vkey>"),
        (f"log {LOG} url more", "line 1: the form is `log <vkey>"),
        ("log x", "line 1: a verifier key is a name"),
        (f"log {str(LOG)[:-4]}AAA=", "line 1: "),
        (f"log {W1}", "line 1: the key has the signature type 4; a log signs with"),
        (f"log {LOG}\nlog {LOG}", "line 2: this key is of a log already, on line 1"),
        (f"witness X1 {LOG}", "line 1: the key has the signature type 1; a witness signs with"),
        (f"witness {W1}", "line 1: the form is `witness <name>"),
        (f"witness X1 {W1} url more", "line 1: the form is `witness <name>"),
        (f"witness none {W1}", "line 1: the name `none` has a meaning of its own"),
        (f"witness X1 {W1}\nwitness X1 {W2}", "line 2: the name `X1` is defined already"),
        (f"witness X1 {W1}\nwitness X2 {W1}", "line 2: this key is of a witness already"),
        (WITNESSES + "group none any X1", "line 4: the name `none` has a meaning of its own"),
        (WITNESSES + "group X1 any X2", "line 4: the name `X1` is defined already, on line 1"),
        (WITNESSES + "group g any", "line 4: the form is `group"),
        (WITNESSES + "group g any none", "line 4: no line before this one"),
        (WITNESSES + "group g any g", "line 4: no line before this one"),
        (WITNESSES + "group g any X9", "line 4: no line before this one"),
        (WITNESSES + "group g any X1 X1", "line 4: `X1` is a member already, on line 4"),
        (
            WITNESSES + "group g any X1\ngroup h any X1 X2",
            "line 5: `X1` is a member already, on line 4",
        ),
        (WITNESSES + "group g 0 X1", "line 4: the group has 1 members"),
        (WITNESSES + "group g 3 X1 X2", "line 4: the group has 2 members"),
        (WITNESSES + "group g -1 X1", "line 4: `-1` stands where"),
        (WITNESSES + "group g +1 X1", "line 4: `+1` stands where"),
        (WITNESSES + "group g two X1 X2", "line 4: `two` stands where"),
        (WITNESSES + "group g \u0661 X1", "line 4: `\u0661` stands where"),
        (WITNESSES + f"group g {'9' * 5000} X1", "line 4: `999"),
        ("quorum none\r\n", "line 1: the control character 0x0d is not allowed: save the file"),
        ("# a\n# \x00\n", "line 2: the control character 0x00"),
        ("quorum\vnone", "line 1: the control character 0x0b"),
        ("#\n#\n#\x7f", "line 3: the control character 0x7f"),
    ],
    ids=count(),  # the keys in the texts are new in each process
)
def test_what_the_specification_forbids_is_refused_with_the_line(text: str, message: str) -> None:
    with pytest.raises(PolicyMalformed) as refusal:
        parse_policy(text.encode())
    assert message in str(refusal.value)


def test_a_key_is_the_same_under_another_name_and_type() -> None:
    material = new_signing_key("x").private_bytes()
    first = signing_key("a.example", ED25519_COSIGNATURE, material).verifier
    other = signing_key("b.example", ED25519_COSIGNATURE, material).verifier
    assert str(first) != str(other)
    with pytest.raises(PolicyMalformed, match="line 2: this key is of a witness already"):
        parse_policy(f"witness a {first}\nwitness b {other}\nquorum none".encode())
    log = signing_key("c.example", ED25519, material).verifier
    renamed = signing_key("d.example", ED25519, material).verifier
    with pytest.raises(PolicyMalformed, match="line 2: this key is of a log already"):
        parse_policy(f"log {log}\nlog {renamed}\nquorum none".encode())


def test_the_name_of_a_key_is_utf_8() -> None:
    with pytest.raises(PolicyMalformed, match="line 1: the name of a verifier key is UTF-8"):
        parse_policy(b"log \xff" + _bytes(LOG) + b"\nquorum none")


def test_a_policy_may_have_many_lines_but_not_any_number() -> None:
    lines = [
        f"witness w{number} {new_signing_key('w', ED25519_COSIGNATURE).verifier}"
        for number in range(MAX_LINES_OF_A_KIND + 1)
    ]
    names = " ".join(f"w{number}" for number in range(MAX_LINES_OF_A_KIND))
    text = "\n".join([*lines[:-1], f"group g all {names}", "quorum g"])
    assert len(parse_policy(text.encode()).witnesses) == MAX_LINES_OF_A_KIND
    with pytest.raises(PolicyMalformed, match=f"at most {MAX_LINES_OF_A_KIND} witnesses"):
        parse_policy("\n".join([*lines, "quorum none"]).encode())
    with pytest.raises(PolicyMalformed, match="at most 1,000,000 bytes"):
        parse_policy(b"#" * (MAX_POLICY_BYTES + 1))


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_bytes_are_a_policy_or_are_refused(data: bytes) -> None:
    try:
        policy = parse_policy(data)
    except PolicyMalformed:
        return
    assert policy.quorum


@given(
    st.lists(
        st.sampled_from(
            [
                *(f"witness X{number} {key}" for number, key in enumerate((W1, W2, W3, W4))),
                "group a any X0 X1",
                "group b 2 X2 X3 a",
                "group c all a b",
                f"log {LOG}",
                "quorum b",
                "quorum c",
                "quorum none",
                "# none",
            ]
        ),
        max_size=12,
    )
)
def test_what_is_accepted_is_complete(lines: list[str]) -> None:
    try:
        policy = parse_policy("\n".join(lines).encode())
    except PolicyMalformed:
        return
    assert policy.is_satisfied(policy.witness_keys)
    members = [member for group in policy.groups for member in group.members]
    assert len(members) == len(set(members))
    known = {witness.name for witness in policy.witnesses}
    for group in policy.groups:
        assert set(group.members) <= known
        known.add(group.name)


def _bytes(key: object) -> bytes:
    text = str(key)
    parse_vkey(text)
    return text.encode()
