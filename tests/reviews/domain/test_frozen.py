"""The one way to write a frozen record, and its hash."""

from hashlib import sha256

from reviews.domain.frozen import canonical, fingerprint


def test_the_order_of_keys_does_not_matter_and_every_character_stays():
    one, other = {"b": "ü – 5", "a": [1, ""]}, {"a": [1, ""], "b": "ü – 5"}
    assert canonical(one) == canonical(other) == '{"a":[1,""],"b":"ü – 5"}'.encode()


def test_the_fingerprint_is_the_sum_of_the_file_and_changes_with_every_character():
    content = {"value": "86.1"}
    assert fingerprint(content) == sha256(b'{"value":"86.1"}').hexdigest()
    assert fingerprint(content) != fingerprint({"value": "86.10"})
