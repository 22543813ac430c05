"""Settings fail closed, and never show a secret."""

from pathlib import Path

import pytest

from guichet.settings import Settings, SettingsError, load_settings


def test_a_wrong_value_names_the_variable_and_not_the_value(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GUICHET_PORT", "s3cret")
    with pytest.raises(SettingsError, match="GUICHET_PORT") as raised:
        load_settings()
    assert "s3cret" not in str(raised.value)


def test_production_refuses_to_make_its_own_secret(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="GUICHET_SECRET_KEY"):
        Settings(data_dir=tmp_path, production=True).secret()


def test_a_secret_is_made_once_and_kept_for_the_owner_only(tmp_path: Path) -> None:
    first = Settings(data_dir=tmp_path).secret()
    assert Settings(data_dir=tmp_path).secret() == first
    assert (tmp_path / "secret.key").stat().st_mode & 0o077 == 0


def test_sms_says_what_is_missing() -> None:
    missing = Settings(twilio_account_sid="AC0", twilio_sms_from="+33757900000").sms_missing()
    assert missing == ["GUICHET_TWILIO_AUTH_TOKEN"]


def test_every_variable_is_in_the_example_file() -> None:
    text = (Path(__file__).parents[2] / ".env.example").read_text()
    for name in Settings.model_fields:
        assert f"GUICHET_{name.upper()}=" in text
