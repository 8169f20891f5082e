/**
 * Secrets as they stand in texts: tokens of known issuers, URLs, headers, command lines, files of settings.
 * @module
 */
import type { SecretMaker } from "./made-up-secret.ts"

/** What it is, and a text that holds it. */
export type SecretText = readonly [title: string, text: (make: SecretMaker) => string]

const TOKENS: readonly SecretText[] = [
  ["AWS access key id", (make) => `AKIA${make.capitals(16)}`],
  ["AWS temporary access key id", (make) => `ASIA${make.capitals(16)}`],
  ["AWS secret access key in a text", (make) => `aws_secret_access_key = ${make.body(40)}`],
  ["AWS secret key named in words", (make) => `AWS secret key: ${make.body(40)}`],
  ["Google API key", (make) => `AIza${make.body(35)}`],
  ["Google OAuth access token", (make) => `ya29.${make.body(60)}`],
  ["Google OAuth client secret", (make) => `GOCSPX-${make.body(28)}`],
  [
    "Azure storage connection",
    (make) => `AccountName=data;AccountKey=${make.body(86)}==;EndpointSuffix=core.windows.net`,
  ],
  ["Azure client secret", (make) => `AZURE_CLIENT_SECRET=ab~${make.body(34)}`],
  ["Azure client secret by its form", (make) => `Zx48Q~${make.body(34)}`],
  [
    "Azure shared access signature",
    (make) => `https://a.blob.core.windows.net/c?sv=2024&sig=${make.body(43)}%3D&se=2026`,
  ],
  ["GitHub personal token", (make) => `ghp_${make.body(36)}`],
  ["GitHub fine-grained token", (make) => `github_pat_${make.body(22)}_${make.body(59)}`],
  ["GitHub app token", (make) => `ghs_${make.body(36)}`],
  ["GitLab token", (make) => `glpat-${make.body(20)}`],
  ["GitLab routable token", (make) => `glpat-${make.body(27)}.01.${make.body(9)}`],
  ["Slack bot token", (make) => `xoxb-${make.digits(12)}-${make.digits(12)}-${make.body(24)}`],
  [
    "Slack webhook",
    (make) => `https://hooks.slack.com/services/T${make.capitals(8)}/B${make.capitals(8)}/${make.body(24)}`,
  ],
  ["Discord webhook", (make) => `https://discord.com/api/webhooks/1234567890/${make.body(68)}`],
  ["Stripe secret key", (make) => `sk_live_${make.body(24)}`],
  ["Stripe restricted key", (make) => `rk_live_${make.body(24)}`],
  ["npm token", (make) => `npm_${make.body(36)}`],
  ["npm token in .npmrc", (make) => `//registry.example/:_authToken=${make.body(36)}`],
  ["npm password in .npmrc", (make) => `//registry.example/:_password=${make.body(24)}\nemail=a@example.org`],
  ["npm basic login in .npmrc", (make) => `//registry.example/:_auth=${make.body(28)}`],
  ["OpenAI key", (make) => `sk-${make.body(20)}T3BlbkFJ${make.body(20)}`],
  ["OpenAI project key", (make) => `sk-proj-${make.body(74)}`],
  ["Anthropic key", (make) => `sk-ant-api03-${make.body(93)}`],
  ["Hugging Face token", (make) => `hf_${make.body(34)}`],
  ["PyPI token", (make) => `pypi-AgEIcHlwaS5vcmc${make.body(60)}`],
  ["SendGrid key", (make) => `SG.${make.body(22)}.${make.body(43)}`],
  ["Groq key", (make) => `gsk_${make.body(52)}`],
  ["Replicate token", (make) => `r8_${make.body(37)}`],
  ["Vault token", (make) => `hvs.${make.body(90)}`],
  ["Databricks token", (make) => `dapi${make.hex(32)}`],
  ["Linear key", (make) => `lin_api_${make.body(40)}`],
  ["Weights & Biases login", (make) => `wandb login --relogin ${make.hex(40)}`],
  ["JWT", (make) => make.jwt()],
  ["JWT in a sentence", (make) => `the token ${make.jwt()} has expired`],
]

const KEYS: readonly SecretText[] = [
  ["PKCS #8 key", (make) => make.pem("PRIVATE KEY")],
  ["encrypted PKCS #8 key", (make) => make.pem("ENCRYPTED PRIVATE KEY")],
  ["RSA key", (make) => make.pem("RSA PRIVATE KEY", ["Proc-Type: 4,ENCRYPTED", "DEK-Info: AES-128-CBC,00", ""])],
  ["EC key", (make) => make.pem("EC PRIVATE KEY")],
  ["OpenSSH key", (make) => make.pem("OPENSSH PRIVATE KEY")],
  [
    "SSH2 key",
    (make) =>
      make
        .pem("SSH2 ENCRYPTED PRIVATE KEY")
        .replaceAll("-----BEGIN", "---- BEGIN")
        .replaceAll("-----END", "---- END")
        .replaceAll("KEY-----", "KEY ----"),
  ],
  ["PGP key", (make) => make.pem("PGP PRIVATE KEY BLOCK", ["Version: 1", ""])],
  ["key on one line", (make) => `KEY="${make.pem("PRIVATE KEY").replaceAll("\n", "\\n")}"`],
  ["key escaped twice", (make) => JSON.stringify(JSON.stringify({ k: make.pem("RSA PRIVATE KEY") }))],
  ["key with blanks for line breaks", (make) => make.pem("PRIVATE KEY").replaceAll("\n", " ")],
  ["key in a block of YAML", (make) => `tls:\n  key: |\n    ${make.pem("PRIVATE KEY").replaceAll("\n", "\n    ")}\n`],
  ["key that was cut off", (make) => make.pem("PRIVATE KEY").split("\n").slice(0, 3).join("\n")],
  [
    "PuTTY key",
    (make) => `PuTTY-User-Key-File-3: ssh-ed25519\nPrivate-Lines: 1\n${make.body(48)}\nPrivate-MAC: ${make.hex(64)}`,
  ],
  ["age key", (make) => `AGE-SECRET-KEY-1${make.capitals(58)}`],
]

const ADDRESSES: readonly SecretText[] = [
  ["PostgreSQL URL", (make) => `postgres://app:${make.password()}@db.example:5432/x`],
  ["MongoDB URL", (make) => `mongodb+srv://app:${make.password()}@cluster.example/x?retryWrites=true`],
  ["Redis URL without a user", (make) => `redis://:${make.password()}@cache.example:6379/0`],
  ["HTTP URL", (make) => `fetch https://ann:${make.password()}@example.org/a failed`],
  ["SQLAlchemy URL", (make) => `mysql+pymysql://root:${make.password()}@127.0.0.1/db`],
  ["URL with a token for a user", (make) => `git clone https://${make.hex(40)}@github.com/a/b`],
  ["URL with a token as password", (make) => `https://x-access-token:${make.body(40)}@github.com/a/b.git`],
  ["JDBC URL", (make) => `jdbc:postgresql://db/x?user=app&password=${make.password()}&ssl=true`],
  ["JDBC URL of Oracle", (make) => `jdbc:oracle:thin:scott/${make.password()}@//db.example:1521/x`],
  ["ADO connection", (make) => `Server=db;Database=x;User Id=sa;Password=${make.password()};Encrypt=yes`],
  ["ADO connection, short", (make) => `Data Source=db;uid=sa;pwd=${make.password()}`],
  ["libpq connection", (make) => `host=db user=app password=${make.password()} dbname=x`],
  ["libpq connection in quotation marks", (make) => `host=db user=app password='${make.passphrase()}' dbname=x`],
  ["query of an API", (make) => `GET /v1/x?api_key=${make.body(24)}&page=2`],
  ["query with a token", (make) => `https://example.org/cb?access_token=${make.body(30)}&state=1`],
  ["fragment with a token", (make) => `https://example.org/cb#id_token=${make.jwt()}&state=1`],
  ["query with an authorization code's secret", (make) => `POST /token client_id=a&client_secret=${make.body(32)}`],
  ["query, percent-encoded", (make) => `next=https%3A%2F%2Fa.example%2F%3Faccess_token%3D${make.body(30)}%26x%3D1`],
  ["presigned URL of S3", (make) => `https://b.s3.amazonaws.com/k?X-Amz-Expires=60&X-Amz-Signature=${make.hex(64)}`],
]

const HEADERS: readonly SecretText[] = [
  ["bearer header", (make) => `Authorization: Bearer ${make.body(32)}`],
  ["bearer alone", (make) => `sent with Bearer ${make.body(32)}`],
  ["basic header", (make) => `authorization: Basic ${make.basic("ann")}`],
  ["basic alone", (make) => `used basic ${make.basic("ann")} then`],
  ["token header", (make) => `Authorization: token ${make.hex(40)}`],
  [
    "digest header",
    (make) => `Authorization: Digest username="a", nonce="${make.hex(32)}", response="${make.hex(32)}"`,
  ],
  ["proxy header", (make) => `Proxy-Authorization: Basic ${make.basic("p")}`],
  ["API key header", (make) => `POST /v1 HTTP/1.1\r\nX-Api-Key: ${make.body(32)}\r\nAccept: */*`],
  ["header with a prefix", (make) => `ocp-apim-subscription-key: ${make.hex(32)}`],
  ["cookie header", (make) => `Cookie: theme=dark; session=${make.body(32)}; lang=en`],
  ["set-cookie header", (make) => `Set-Cookie: connect.sid=s%3A${make.body(32)}.${make.body(43)}; Path=/; HttpOnly`],
  ["headers as one text", (make) => `{"cookie":"sid=${make.body(24)}","host":"a.example"}`],
  ["curl with a header", (make) => `curl -H "Authorization: Bearer ${make.body(40)}" https://a.example`],
  ["curl with a cookie", (make) => `curl -b 'session=${make.body(32)}' https://a.example`],
  ["curl with a user", (make) => `curl -u ann:${make.password()} https://a.example`],
]

const SETTINGS: readonly SecretText[] = [
  ["text with a password", (make) => `password=${make.password()}`],
  ["text with a password in quotation marks", (make) => `login failed, password "${make.password()}" was refused`],
  ["text with a passphrase", (make) => `passphrase: "${make.passphrase()}"`],
  ["password without quotation marks, with a comma", (make) => `password=${make.body(6)},${make.body(6)}`],
  ["password with signs", (make) => `password=${make.body(6)}&${make.body(6)};user=x`],
  ["password with brackets", (make) => `DB_PASSWORD=${make.body(6)}(${make.body(6)})`],
  ["password after is", (make) => `the password is ${make.password()}`],
  ["dump of an environment", (make) => `HOME=/root\nPGPASSWORD=${make.password()}\nAPI_TOKEN=${make.body(20)}\nLANG=C`],
  ["env file", (make) => `export OPENAI_API_KEY='${make.body(40)}'\nDEBUG=1`],
  ["Docker's -e", (make) => `docker run -e MYSQL_ROOT_PASSWORD=${make.password()} mysql`],
  [".netrc", (make) => `machine a.example login ann password ${make.password()}`],
  [".netrc on lines", (make) => `machine a.example\n  login ann\n  password ${make.password()}\n`],
  [".pgpass", (make) => `db.example:5432:x:app:${make.password()}`],
  ["command line", (make) => `run --user ann --password ${make.password()} --verbose`],
  ["command line with =", (make) => `run --token=${make.body(12)} -v`],
  ["mysql -p", (make) => `mysql -u root -p${make.password()} x`],
  ["sshpass", (make) => `sshpass -p ${make.password()} ssh a@b`],
  ["sshpass in quotation marks", (make) => `sshpass -p '${make.passphrase()}' ssh a@b`],
  ["redis-cli -a", (make) => `redis-cli -h h -a ${make.password()} ping`],
  ["docker login -p", (make) => `docker login -u ann -p ${make.password()} r.example`],
  ["YAML", (make) => `db:\n  user: app\n  password: ${make.password()}\n  port: 5432`],
  ["YAML with a passphrase", (make) => `db:\n  password: ${make.passphrase()}\n  port: 5432`],
  ["YAML in a block", (make) => `db:\n  password: |\n    ${make.password()}\n  port: 5432`],
  ["YAML of Kubernetes", (make) => `kind: Secret\ndata:\n  password: ${make.body(24)}=\n`],
  ["YAML with name and value", (make) => `- name: DB_PASSWORD\n  value: ${make.password()}\n- name: A\n  value: b`],
  ["TOML", (make) => `[db]\npassword = "${make.password()}"\n`],
  ["INI", (make) => `[db]\r\npassword : ${make.password()}\r\nport=1`],
  ["XML", (make) => `<db><user>a</user><password>${make.password()}</password></db>`],
  ["XML attribute", (make) => `<add name="db" password="${make.password()}" />`],
  ["XML of .NET", (make) => `<add key="ApiKey" value="${make.body(20)}" />`],
  ["JSON", (make) => JSON.stringify({ user: "a", password: make.password() })],
  ["JSON over lines", (make) => JSON.stringify({ clientSecret: make.body(24), a: 1 }, undefined, 2)],
  ["JSON with a passphrase", (make) => JSON.stringify({ passphrase: make.passphrase() })],
  ["JSON with escapes", (make) => JSON.stringify({ password: `${make.body(8)}"${make.body(8)}` })],
  ["JSON with a number", (make) => `{"password": ${make.digits(14)}}`],
  ["JSON with an array", (make) => JSON.stringify({ passwords: 1, password: [make.password(), make.password()] })],
  ["JSON with an object", (make) => JSON.stringify({ credentials: { a: make.password(), b: make.body(9) } })],
  ["JSON in JSON", (make) => JSON.stringify({ body: JSON.stringify({ password: make.password() }) })],
  [
    "JSON in JSON, with a passphrase",
    (make) => JSON.stringify({ body: JSON.stringify({ password: make.passphrase() }) }),
  ],
  ["JSON in JSON in JSON", (make) => JSON.stringify(JSON.stringify(JSON.stringify({ api_key: make.body(20) })))],
  ["JSON with name and value", (make) => JSON.stringify([{ name: "DB_PASSWORD", value: make.password() }])],
  ["JSON with a pair", (make) => JSON.stringify([["Authorization", make.password()]])],
  ["JSON, argument list", (make) => JSON.stringify(["--password", make.password()])],
  ["Python's repr", (make) => `{'password': '${make.password()}', 'port': 1}`],
  ["Python's repr of pairs", (make) => `[('api_key', '${make.body(20)}'), ('a', 'b')]`],
  ["Python call", (make) => `connect(host="a", password="${make.password()}")`],
  ["Ruby hash", (make) => `{:password=>"${make.password()}", :a=>1}`],
  ["PHP array", (make) => `['password' => '${make.password()}']`],
  ["JavaScript assignment", (make) => `const apiKey = "${make.body(20)}"; config["secretKey"] = '${make.body(20)}'`],
  ["Go assignment", (make) => `password := "${make.password()}"`],
  ["HTTP form", (make) => `user=ann&password=${encodeURIComponent(make.password())}&x=1`],
  [
    "multipart form",
    (make) => `--b\r\nContent-Disposition: form-data; name="password"\r\n\r\n${make.password()}\r\n--b--`,
  ],
  ["SQL", (make) => `CREATE USER a WITH PASSWORD '${make.password()}'`],
  ["SQL of MySQL", (make) => `CREATE USER 'a'@'%' IDENTIFIED BY '${make.password()}'`],
  ["Unicode around it", (make) => `пароль password=${make.password()} — ende`],
  ["in colours", (make) => `\u001b[31mpassword\u001b[0m=${make.password()}`],
]

/** All of them. */
export const SECRET_TEXTS: readonly SecretText[] = [...TOKENS, ...KEYS, ...ADDRESSES, ...HEADERS, ...SETTINGS]
