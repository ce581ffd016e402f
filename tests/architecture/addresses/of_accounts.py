"""The pages of one's own account, and what the installation says of itself."""

from __future__ import annotations

OF_EVERYONE = {
    "theme": 405,
    "healthz": 200,
    "account_login": 302,
    "account_logout": 200,
    "account_inactive": 200,
    "account_signup": 302,
    "account_reset_password": 200,
    "account_reset_password_done": 200,
    "account_reset_password_from_key": 200,
    "account_reset_password_from_key_done": 200,
    "account_confirm_email": 200,
    "account_email_verification_sent": 200,
    "account_confirm_login_code": 302,
    "account_reauthenticate": 200,
    "account_email": 200,
    "account_change_password": 200,
    "account_set_password": 302,
}
ARGUMENTS = {
    "account_confirm_email": ["no-such-key"],
    "account_reset_password_from_key": ["1", "no-such-key"],
}
