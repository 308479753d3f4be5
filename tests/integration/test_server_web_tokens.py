"""JWTs at a served Flight address."""

import json
import time
from pathlib import Path

import pytest

from tests.integration.identity_support import As
from tests.server_process import ServerProcess


def test_a_jwt_is_let_in_with_the_roles_of_its_claim(tmp_path: Path) -> None:
    jwt = pytest.importorskip("jwt", reason="PyJWT is not installed (extra: jwt)")
    rsa = pytest.importorskip(
        "cryptography.hazmat.primitives.asymmetric.rsa", reason="cryptography is not installed"
    )
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    algorithm = jwt.algorithms.RSAAlgorithm
    public = json.loads(algorithm.to_jwk(key.public_key())) | {"kid": "one"}
    jwks = tmp_path / "jwks.json"
    jwks.write_text(json.dumps({"keys": [public]}))
    claims = {"iss": "https://id.example", "aud": "velaria", "exp": int(time.time()) + 60}

    def signed(**more: object) -> str:
        text: str = jwt.encode(claims | more, key, "RS256", {"kid": "one"})
        return text

    arguments = ["--jwks", str(jwks), "--jwt-issuer", "https://id.example"]
    arguments += ["--jwt-audience", "velaria", "--jwt-claim", "groups"]
    arguments += ["--jwt-role", "ops=operator", "--jwt-role", "analysts=viewer:main"]
    with ServerProcess(arguments=arguments) as server:
        operator = As(server, signed(sub="ann", groups=["ops"]))
        assert "metrics" in operator.act("server.metrics")
        analyst = As(server, signed(sub="bob", groups=["analysts"]))
        assert analyst.read("SELECT 1").num_rows == 1
        assert analyst.code(analyst.act, "server.metrics") == "VEL1010"
        nobody = As(server, signed(sub="eve", groups=["admin"]))
        for refused in ("server.metrics", "query.list", "session.open"):
            assert nobody.code(nobody.act, refused) == "VEL1010"
        assert nobody.code(nobody.read, "SELECT 1") == "VEL1010"
        assert "version" in nobody.act("server.info")
        late = As(server, signed(sub="ann", groups=["ops"], exp=1))
        assert late.code(late.act, "server.health") == "VEL1009"
        names = {query["principal"] for query in operator.act("query.list")["queries"]}
        assert names == {"jwt:bob"}
