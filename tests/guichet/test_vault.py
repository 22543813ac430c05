"""Sealing and pseudonyms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guichet.vault import Cipher, Vault, VaultError
from tests.conftest import vault as make


@given(st.text())
def test_what_is_sealed_opens(text: str) -> None:
    vault = make()
    assert vault.open(vault.seal(text, "a"), "a") == text


def test_unpaired_surrogates_survive() -> None:
    vault = make()
    assert vault.open(vault.seal("\ud83d", "a"), "a") == "\ud83d"


@pytest.mark.parametrize(
    ("secret", "context"), [("other", "a"), ("secret", "b")], ids=["other key", "other context"]
)
def test_it_opens_only_with_its_key_and_context(secret: str, context: str) -> None:
    sealed = make("secret").seal("+33612345678", "a")
    with pytest.raises(VaultError):
        make(secret).open(sealed, context)


def test_damage_and_short_values_are_refused() -> None:
    vault = make()
    sealed = vault.seal("text", "a")
    for broken in (b"", sealed[:5], sealed[:-1], sealed[:-1] + bytes([sealed[-1] ^ 1])):
        with pytest.raises(VaultError):
            vault.open(broken, "a")


def test_a_pseudonym_is_stable_and_tells_channels_apart() -> None:
    vault = make()
    assert vault.pseudonym("sms", "+33612345678") == vault.pseudonym("sms", "+33612345678")
    assert vault.pseudonym("sms", "+33612345678") != vault.pseudonym("whatsapp", "+33612345678")
    assert vault.pseudonym("sms", "+33612345678") != Vault(Cipher(["secret"]), b"b").pseudonym(
        "sms", "+33612345678"
    )
    assert "612345678" not in vault.pseudonym("sms", "+33612345678")


def test_after_a_rotation_old_values_open_and_new_ones_do_not_need_the_old_key() -> None:
    before, between, after = make("old"), make("new", "old"), make("new")
    sealed = before.seal("text", "a")
    assert between.open(sealed, "a") == "text"
    resealed = between.cipher.reseal(sealed, "a")
    assert after.open(resealed, "a") == "text"
    with pytest.raises(VaultError):
        after.open(sealed, "a")
    assert before.pseudonym("sms", "+336") == after.pseudonym("sms", "+336")
