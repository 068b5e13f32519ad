package main

import (
	"time"

	"github.com/alecthomas/kong"

	"ordermanagement/certs"
	"ordermanagement/gateway"
	"ordermanagement/internal/auth/oauth"
	"ordermanagement/internal/store/postgres"
	"ordermanagement/internal/tracing/export"
	"ordermanagement/server"
)

// What addresses are when they are not given: everywhere with TLS and authentication, only on this machine without. The
// gateway alone has an admin port of its own, so that it runs beside a server.
const (
	defaultGRPCPort         = "50051"
	defaultHTTPPort         = "8443"
	defaultAdminListen      = "127.0.0.1:9090"
	defaultGatewayAdmin     = "127.0.0.1:9091"
	loopback                = "127.0.0.1"
	adminOff                = "off"
	on, off                 = "on", "off"
	versionV1, versionV2    = "v1", "v2"
	defaultShutdownTimeout  = 10 * time.Second
	defaultV1Location       = "San Jose"
	defaultServerAddress    = "localhost:" + defaultGRPCPort
	logText, logJSON        = "text", "json"
	tls12, tls13            = "1.2", "1.3"
	maxShutdownDelay        = 5 * time.Minute
	maxShutdownTimeout      = 10 * time.Minute
	maxMessageBytes         = 1 << 30 // of a message, body or record
	maxStreamsPerConnection = 1 << 20
	maxTimeout              = 24 * time.Hour
	maxRate                 = 1_000_000 // calls a second
	maxConnections          = 1 << 20
	defaultMaxConnections   = 8192
	auto                    = "auto"
	maxDatabaseConnections  = 1000
	poolerTransaction       = "transaction"
)

// settings is the whole configuration of a process. What is nil is no part of it.
type settings struct {
	common
	*serverSettings
	*gatewaySettings
	*upstreamSettings
	*issuerSettings

	traces export.Config // what Traces and the environment say together
}

// common is what every process has.
type common struct {
	Data     dataSettings     `embed:"" group:"Files and logs"`
	Log      logSettings      `embed:"" group:"Files and logs"`
	TLS      tlsSettings      `embed:"" group:"TLS"`
	Versions versionSettings  `embed:"" group:"API"`
	Admin    adminSettings    `embed:"" group:"Operating"`
	Traces   tracesSettings   `embed:"" group:"Operating"`
	Shutdown shutdownSettings `embed:"" group:"Operating"`
	Limits   limitSettings    `embed:"" group:"Limits"`
}

type dataSettings struct {
	DataDir string `default:"./data" placeholder:"DIR" help:"Directory for what the process keeps and makes: database, certificates, token, keys (default ${default})."`
}

type logSettings struct {
	LogLevel  string `type:"choice" oneof:"debug,info,warn,error" default:"info" help:"Least severe log lines to write: debug, info, warn or error."`
	LogFormat string `type:"choice" oneof:"text,json" default:"text" help:"Format of the log on stderr: text or json."`
}

type tlsSettings struct {
	TLS           string `name:"tls" type:"choice" oneof:"on,off" default:"on" help:"TLS on the gRPC and HTTP listeners: on or off. Off needs loopback addresses."`
	TLSCert       string `name:"tls-cert" placeholder:"FILE" help:"Certificate chain of the listeners, PEM, followed when it changes (default: a development certificate in the data directory)."`
	TLSKey        string `name:"tls-key" placeholder:"FILE" help:"Private key of --tls-cert, PEM."`
	TLSMinVersion string `name:"tls-min-version" type:"choice" oneof:"1.3,1.2" default:"1.3" help:"Lowest TLS version: 1.3 or 1.2."`
	ClientCA      string `name:"client-ca" placeholder:"FILE" help:"Authorities that may have signed callers' certificates, PEM, followed when it changes: mutual TLS on the gRPC and HTTP listeners."`
	ClientAuth    string `type:"choice" oneof:"off,optional,required" placeholder:"off|optional|required" help:"Certificates of callers: off, optional (one that is shown has to be trusted) or required (default: required with --client-ca, else off)."`
}

type versionSettings struct {
	APIVersions []string `name:"api-versions" type:"choice" oneof:"v1,v2" default:"v1,v2" help:"Versions of the API to offer: v1,v2 or v2. A gateway alone shows the documents of these; give it what its server has."`
}

type adminSettings struct {
	AdminListen string `placeholder:"HOST:PORT" help:"Address of health, readiness, metrics and profiles, without TLS or authentication, or off (default ${admin_listen}; of a gateway alone ${gateway_admin})."`
}

// tracesSettings has one flag beside the variables of OpenTelemetry, which say all the rest: for who has no collector yet,
// or wants none in spite of the environment.
type tracesSettings struct {
	TracesExporter string `type:"choice" oneof:"none,otlp,console" placeholder:"none|otlp|console" help:"Where OpenTelemetry traces go: none, otlp (a collector) or console (JSON on stdout). The variables OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_SAMPLER and so on say more (default: OTEL_TRACES_EXPORTER, else otlp with an endpoint, else none)."`
}

type shutdownSettings struct {
	ShutdownDelay   time.Duration `default:"0s" help:"Time between reporting not ready and refusing calls, for load balancers to notice, e.g. 15s."`
	ShutdownTimeout time.Duration `default:"${shutdown_timeout}" help:"Time that HTTP and gRPC have, side by side, to end their calls, before these are cut off."`
}

type limitSettings struct {
	MaxConnections int    `default:"${max_connections}" help:"Connections that each of the gRPC and HTTP listeners may have; new ones beyond it are closed at once. One network, an IPv4 address or the /64 of an IPv6 address, has half of them at most: behind a proxy give twice what it opens."`
	MemoryLimit    string `default:"auto" placeholder:"BYTES|auto|off" help:"Memory that the Go runtime keeps within by collecting garbage more often, e.g. 512MiB; auto is 90 % of what the cgroup allows, if it limits memory (default ${default}). GOMEMLIMIT in the environment wins."`
}

// serverSettings is what a process with a gRPC server has.
type serverSettings struct {
	GRPC     grpcSettings       `embed:"" group:"gRPC server"`
	Database databaseSettings   `embed:"" group:"Files and logs"`
	Pool     poolSettings       `embed:"" group:"Files and logs"`
	Auth     authSettings       `embed:"" group:"Callers"`
	JWT      jwtSettings        `embed:"" group:"Callers"`
	OAuth    oauthSettings      `embed:"" group:"Callers"`
	API      apiSettings        `embed:"" group:"API"`
	Rate     rateSettings       `embed:"" group:"Limits"`
	Conns    connectionSettings `embed:"" group:"Limits"`
}

// rateSettings are off by default: how many calls are too many, only who knows the callers can tell, and a guess of ours
// would refuse good ones.
type rateSettings struct {
	RateLimit float64 `default:"0" help:"Calls a second that one caller may make, a tenant's subject or, without a credential, a network; 0: any number, since only you know what your callers need (default ${default}). Each process counts by itself: behind a balancer, divide by the number of servers. Calls of the health service don't count; a message that is sent on a stream counts as a call, and waits instead of being refused."`
	RateBurst int     `default:"0" help:"Calls that one caller may make at once; 0: as many as --rate-limit a second (default ${default})."`
}

type grpcSettings struct {
	GRPCListen           string        `name:"grpc-listen" placeholder:"HOST:PORT" help:"Address for gRPC (default :${grpc_port}; 127.0.0.1:${grpc_port} with --tls=off or --auth=off)."`
	Reflection           bool          `default:"true" negatable:"" help:"Let clients such as grpcurl read the contracts by reflection."`
	MaxMessageBytes      int           `default:"${max_message_bytes}" help:"Largest gRPC message that is taken, in bytes."`
	MaxConcurrentStreams uint32        `default:"${max_streams}" help:"Calls that one connection may have at the same time."`
	CallTimeout          time.Duration `default:"${call_timeout}" help:"Longest a unary call may run; a caller's shorter deadline wins."`
}

type connectionSettings struct {
	MaxConnectionIdle     time.Duration `default:"${max_connection_idle}" help:"Time without a call after which a gRPC connection is closed, gently."`
	MaxConnectionAge      time.Duration `default:"${max_connection_age}" help:"Time after which the client of a gRPC connection is asked for a new one, which may reach another server; 10 % more or less, so that not all of them come at once."`
	MaxConnectionAgeGrace time.Duration `default:"${max_connection_age_grace}" help:"Time that calls on a gRPC connection of that age have to end."`
	KeepaliveInterval     time.Duration `default:"${keepalive_interval}" help:"Time of silence after which the server asks whether a gRPC client is alive."`
	KeepaliveTimeout      time.Duration `default:"${keepalive_timeout}" help:"Time that the client has to answer that."`
	MinPingInterval       time.Duration `default:"${min_ping_interval}" help:"Least time between two pings of a gRPC client; one that pings more often is disconnected. The clients of this project ping every 30s, its gateways every 10s."`
}

// databaseSettings name a database.
type databaseSettings struct {
	DatabaseURL    string `placeholder:"URL" help:"PostgreSQL database, postgres://USER:PASSWORD@HOST:PORT/DATABASE, or several hosts HOST:PORT,HOST:PORT of a cluster; bring its schema up to date with migrate first (default: the embedded database, orders.db in the data directory)."`
	DatabasePooler string `type:"choice" oneof:"off,transaction" default:"off" help:"What is between this program and PostgreSQL: off for nothing, transaction for PgBouncer or the like that hands out connections for a transaction."`
}

// poolSettings say how a process uses its database.
type poolSettings struct {
	DatabaseConnections int           `default:"${database_connections}" help:"Connections to PostgreSQL at most."`
	DatabaseTimeout     time.Duration `default:"${database_timeout}" help:"Time for PostgreSQL to answer a statement."`
}

type callerFileSettings struct {
	TokensFile   string `placeholder:"FILE" help:"Hashes of bearer tokens, a line NAME:sha256:HEX each (default: tokens in the data directory)."`
	CallersFile  string `placeholder:"FILE" help:"YAML file of who callers are: tenant and scopes of each token, user and certificate (default: callers.yaml in the data directory)."`
	HtpasswdFile string `placeholder:"FILE" help:"Users and bcrypt hashes of their passwords, as htpasswd -B writes them: Basic authentication (default: htpasswd in the data directory, if it is there)."`
}

type authSettings struct {
	Auth               string `type:"choice" oneof:"on,off" default:"on" help:"Authentication of callers: on or off. Off needs loopback addresses."`
	callerFileSettings `embed:""`
	TrustedGateways    []string `placeholder:"IDENTITY;..." sep:";" default:"${gateway_identity}" help:"Client certificates of gateways, separated by semicolons: what they tell of their callers' certificates is believed, and they are nobody themselves. Named as in the callers file (default ${default}, which certs gateway puts into certificates)."`
	PageTokenKey       string   `placeholder:"FILE" help:"Key that seals page tokens, 64 hexadecimal digits, the same in every replica (default: one in the database of --database-url, or page-token.key in the data directory; made when missing)."`
}

type jwtSettings struct {
	JWTIssuer     string        `name:"jwt-issuer" placeholder:"URL" help:"Issuer of JWTs that are taken as bearer tokens: their claim iss. Its keys are found by OpenID Connect discovery, unless --jwt-jwks-file or --jwt-jwks-url names them."`
	JWTAudience   string        `name:"jwt-audience" default:"ordermanagement" help:"Who a token has to be for: its claim aud."`
	JWTJWKSFile   string        `name:"jwt-jwks-file" placeholder:"FILE" help:"Keys of the issuer, a JWK set (RFC 7517), followed when it changes."`
	JWTJWKSURL    string        `name:"jwt-jwks-url" placeholder:"URL" help:"Where the issuer's keys are, a JWK set, fetched again when they change."`
	JWTAlgorithms []string      `name:"jwt-algorithms" type:"choice" oneof:"RS256,RS384,RS512,PS256,PS384,PS512,ES256,ES384,ES512,EdDSA" default:"RS256,ES256,EdDSA" help:"Signature algorithms that are taken."`
	JWTClockSkew  time.Duration `name:"jwt-clock-skew" default:"60s" help:"How far the issuer's clock and ours may be apart."`
}

type oauthSettings struct {
	IntrospectionURL     string        `name:"introspection-url" placeholder:"URL" help:"Where tokens that nobody here knows are asked about (RFC 7662)."`
	IntrospectionClient  string        `name:"introspection-client" placeholder:"FILE" help:"Credentials for --introspection-url: a file with ID:SECRET."`
	IntrospectionCache   time.Duration `name:"introspection-cache" default:"${introspection_cache}" help:"How long it is believed that a token is active, so that not every call asks; a revoked token is taken for that long."`
	IntrospectionTimeout time.Duration `name:"introspection-timeout" default:"2s" help:"Time for --introspection-url to answer; a call whose token can't be asked about is refused."`
	OAuthCA              string        `name:"oauth-ca" placeholder:"FILE" help:"Authorities that may have signed the certificates of issuer, JWK set and introspection, PEM (default: the system's)."`
	SubjectClaim         string        `name:"subject-claim" default:"sub" help:"Claim of a JWT or an introspected token that says who the caller is."`
	TenantClaim          string        `name:"tenant-claim" default:"tenant" help:"Claim that says whose resources the caller sees; a token without it is refused."`
	ScopeClaim           string        `name:"scope-claim" default:"scope" help:"Claim that says what the caller may do: names separated by blanks, or a list."`
	OAuthTenant          string        `name:"oauth-tenant" placeholder:"TENANT" help:"Tenant of all of these callers, instead of --tenant-claim."`
}

// issuerSettings is what a process has that can issue tokens for development.
type issuerSettings struct {
	Issuer devIssuerSettings `embed:"" group:"Callers"`
}

type devIssuerSettings struct {
	DevIssuer         bool          `help:"Issue tokens for development at https://HOST:PORT/issuer of the HTTPS listener: OAuth2 and OpenID Connect, with the client in the file client of the data directory."`
	DevIssuerTokenTTL time.Duration `name:"dev-issuer-token-ttl" default:"15m" help:"Life of the tokens of --dev-issuer."`
}

type apiSettings struct {
	V1Currency    string `name:"v1-currency" default:"USD" help:"Currency of v1's prices, ISO 4217."`
	V1Location    string `name:"v1-location" default:"${v1_location}" help:"What v1's answers carry in the header location."`
	V1Deprecation date   `name:"v1-deprecation" placeholder:"DATE" help:"Since when v1 is deprecated, e.g. 2027-01-31 or 2027-01-31T12:00:00Z; its answers announce it (RFC 9745)."`
	V1Sunset      date   `name:"v1-sunset" placeholder:"DATE" help:"When v1 will be switched off; its answers announce it (RFC 8594)."`
	V1Successor   string `name:"v1-successor" placeholder:"URL" help:"Page about what to use instead of v1; its answers link to it."`
	SampleData    bool   `help:"Add the sample orders 102 to 106, those whose id is not there yet."`
}

// gatewaySettings is what a process with an HTTP gateway has.
type gatewaySettings struct {
	HTTP httpSettings `embed:"" group:"HTTP gateway"`
}

type httpSettings struct {
	HTTPListen        string        `name:"http-listen" placeholder:"HOST:PORT" help:"Address for HTTP (default :${http_port}; 127.0.0.1:${http_port} with --tls=off or --auth=off)."`
	MaxBodyBytes      int64         `default:"${max_body_bytes}" help:"Largest request body that is taken, in bytes."`
	MaxRecordBytes    int64         `default:"${max_record_bytes}" help:"Largest record of a request stream that is taken, in bytes."`
	MaxBodyMemory     int64         `default:"${max_body_memory}" help:"Memory for bodies and records that arrive at the same time, in bytes; what has no room is answered 503."`
	BodyTimeout       time.Duration `default:"${body_timeout}" help:"Time for a whole request body to arrive."`
	StreamIdleTimeout time.Duration `default:"${stream_idle_timeout}" help:"Time for the next record of a request stream to arrive."`
	WriteTimeout      time.Duration `default:"${write_timeout}" help:"Time for a client to take an answer, or a record of one."`
	EventKeepAlive    time.Duration `default:"${event_keep_alive}" help:"Time without an event after which a stream of Server-Sent Events gets a comment; less than what proxies take for idle."`
	CORSOrigins       []string      `name:"cors-origins" placeholder:"ORIGIN,..." help:"Origins whose pages may call the service from a browser, e.g. https://app.example.com (default: none but its own)."`
	TrustForwardedFor bool          `help:"Believe X-Forwarded-For; only behind a proxy that sets it."`
}

// upstreamSettings is what a gateway has that is a process of its own.
type upstreamSettings struct {
	Upstream serverAddressSettings `embed:"" group:"Connection to the server"`
}

type serverAddressSettings struct {
	ServerAddress string `default:"${server_address}" placeholder:"TARGET" help:"gRPC server to call, HOST:PORT; several over one database, HOST:PORT,HOST:PORT or dns:///NAME:PORT, whose addresses they are, are called by turns while they are healthy; or another gRPC target (default ${default})."`
	ServerCA      string `name:"server-ca" placeholder:"FILE" help:"Authorities that may have signed the server's certificate, PEM (default: ca.crt in the data directory)."`
	ServerName    string `placeholder:"NAME" help:"Name in the servers' certificates, if it is not the host in --server-address."`
	GatewayCert   string `placeholder:"FILE" help:"Client certificate to show to the server, PEM (default: gateway.crt in the data directory)."`
	GatewayKey    string `placeholder:"FILE" help:"Private key of --gateway-cert, PEM (default: gateway.key in the data directory)."`
}

// defaults are the values that tags above name.
func defaults() kong.Vars {
	connection := server.DefaultConnectionLimits()
	return kong.Vars{
		"grpc_port":            defaultGRPCPort,
		"http_port":            defaultHTTPPort,
		"admin_listen":         defaultAdminListen,
		"gateway_admin":        defaultGatewayAdmin,
		"server_address":       defaultServerAddress,
		"gateway_identity":     "uri:" + certs.GatewayURI,
		"introspection_cache":  oauth.DefaultIntrospectionCache.String(),
		"shutdown_timeout":     defaultShutdownTimeout.String(),
		"database_connections": decimal(postgres.DefaultConnections),
		"database_timeout":     postgres.DefaultTimeout.String(),
		"max_message_bytes":    decimal(server.DefaultMessageBytes),
		"max_streams":          decimal(server.DefaultConcurrentStreams),
		"max_connections":      decimal(defaultMaxConnections),
		"call_timeout":         server.DefaultCallTimeout.String(),
		"v1_location":          defaultV1Location,
		"max_body_bytes":       decimal(gateway.DefaultMaxBodyBytes),
		"max_record_bytes":     decimal(gateway.DefaultMaxRecordBytes),
		"max_body_memory":      decimal(gateway.DefaultMaxBodyMemory),
		"body_timeout":         gateway.DefaultBodyTimeout.String(),
		"stream_idle_timeout":  gateway.DefaultStreamIdleTimeout.String(),
		"write_timeout":        gateway.DefaultWriteTimeout.String(),
		"event_keep_alive":     gateway.DefaultEventKeepAlive.String(),

		"max_connection_idle":      connection.MaxIdle.String(),
		"max_connection_age":       connection.MaxAge.String(),
		"max_connection_age_grace": connection.AgeGrace.String(),
		"keepalive_interval":       connection.KeepaliveInterval.String(),
		"keepalive_timeout":        connection.KeepaliveTimeout.String(),
		"min_ping_interval":        connection.MinPingInterval.String(),
	}
}
