// check-env against the cases of the DSN contract and many more, all through the command itself.
#include <gtest/gtest.h>

#include "check_env/run.hpp"

using namespace check_env_test;

namespace
{

// An environment, as a file; the rules it is to violate, sorted.
struct Case {
    const char *name;
    const char *file;
    const char *rules;
};

void
PrintTo(const Case &one, std::ostream *out)
{
    *out << one.name;
}

class Contract : public testing::TestWithParam<Case>
{
};

class Provisioning : public testing::TestWithParam<Case>
{
};

std::string
name_of(const testing::TestParamInfo<Case> &info)
{
    return info.param.name;
}

void
expect_rules(const Case &one, const std::string &lane)
{
    const Ran json = check_file(one.file, {"--json", "--lane", lane});
    EXPECT_EQ(json.rules(), one.rules) << json.out;
    EXPECT_EQ(json.rules("warnings"), "");
    EXPECT_EQ(json.code, one.rules[0] == '\0' ? 0 : 1);
    EXPECT_EQ(json.err, "");
    const Ran text = check_file(one.file, {"--lane=" + lane});
    EXPECT_EQ(text.code, json.code);
    EXPECT_EQ(text.out.find("violation: ") != std::string::npos, one.rules[0] != '\0');
}

} // namespace

TEST_P(Contract, IsKeptOrViolatedAsTheCaseSays)
{
    expect_rules(GetParam(), "runtime");
}

TEST_P(Provisioning, HasItsOwnRules)
{
    expect_rules(GetParam(), "provisioning");
}

// clang-format off

#define DSN "DATABASE_URL=postgres://app_x:pw@localhost/app_x"
#define GATEWAY "AGENTCOOPDB_GATEWAY_URL=https://db.example"
#define KEY "AGENTCOOPDB_API_KEY=acd_live_0123456789abcdef_0123456789abcdef0123456789abcdef"

// The SQL gateway's URL and key.
INSTANTIATE_TEST_SUITE_P(Gateway, Contract, testing::Values(
    Case{"KeyAlone", GATEWAY "\n" KEY, ""},
    Case{"KeyBesideDsn", DSN "\n" GATEWAY "\n" KEY, ""},
    Case{"KeyByFile", GATEWAY "\nAGENTCOOPDB_API_KEY_FILE=/run/key", ""},
    Case{"KeyWithoutUrl", DSN "\n" KEY, "required"},
    Case{"UrlWithoutKey", DSN "\n" GATEWAY, "required"},
    Case{"HalfAndNoDsn", KEY, "required required"},
    Case{"KeyCutOff", GATEWAY "\nAGENTCOOPDB_API_KEY=acd_live_0123456789abcdef", "key_syntax"},
    Case{"KeyEmpty", GATEWAY "\nAGENTCOOPDB_API_KEY=", "key_syntax"},
    Case{"KeyTwice", GATEWAY "\n" KEY "\nAGENTCOOPDB_API_KEY=acd_dev_0123456789abcdef_0123456789abcdef0123456789abcdef", "multiple_values"},
    Case{"UrlWithPassword", KEY "\nAGENTCOOPDB_GATEWAY_URL=https://u:geheim123@db.example", "url_syntax"},
    Case{"UrlNone", KEY "\nAGENTCOOPDB_GATEWAY_URL=db.example", "url_syntax"},
    Case{"UrlPlain", KEY "\nAGENTCOOPDB_GATEWAY_URL=http://db.example", "weak_tls"},
    Case{"UrlLoopback", KEY "\nAGENTCOOPDB_GATEWAY_URL=http://127.0.0.1:8081", ""},
    Case{"SecretsOfTheHost", DSN "\nAGENTCOOPDB_DATABASE_URL=x\nAGENTCOOPDB_OWNER_PASSWORD=x\nAGENTCOOPDB_MIGRATIONS_DATABASE_URL=x", "forbidden_variable forbidden_variable forbidden_variable"}), name_of);

// The cases that came with the contract.
INSTANTIATE_TEST_SUITE_P(Given, Contract, testing::Values(
    Case{"Good", "DATABASE_URL=postgres://app_x:pw@db.example:5432/app_x?sslmode=require\nDATABASE_SERVICE_URL=postgresql://app_x_2:pw@db.example:5432/app_x?sslmode=require", ""},
    Case{"SameUser", "DATABASE_URL=postgres://app_x:pw@localhost/app_x\nDATABASE_SERVICE_URL=postgres://app_x:pw@localhost/app_x", "same_user"},
    Case{"Capital", "DATABASE_URL=postgres://Postgres:pw@localhost/app_x", "superuser_name"},
    Case{"Encoded", "DATABASE_URL=postgres://%70ostgres:pw@localhost/app_x", "superuser_name"},
    Case{"InQuery", "DATABASE_URL=postgres://localhost/app_x?user=postgres", "superuser_name"},
    Case{"Keywords", "DATABASE_URL=host=localhost user=root dbname=app_x", "superuser_name"},
    Case{"NoUser", "DATABASE_URL=postgres://localhost/app_x", "empty_user"},
    Case{"Component", "DATABASE_URL=postgres://app_x:pw@localhost/app_x\nAPP_DB_HOST=localhost", "forbidden_variable"},
    Case{"Root", "DATABASE_URL=postgres://app_x:pw@localhost/app_x\nDATABASE_ROOT_URL=postgres://postgres:pw@localhost/postgres", "forbidden_variable"},
    Case{"NoTls", "DATABASE_URL=postgres://app_x:pw@db.example/app_x?sslmode=disable", "weak_tls"},
    Case{"OtherScheme", "DATABASE_URL=mysql://app_x:pw@localhost/app_x", "dsn_syntax"},
    Case{"Nothing", "", "required"}
), name_of);

INSTANTIATE_TEST_SUITE_P(Variables, Contract, testing::Values(
    Case{"ServiceAlone", "DATABASE_SERVICE_URL=postgres://u@localhost/d", ""},
    Case{"EmptyIsNotSet", "DATABASE_URL=", "empty_user required"},
    Case{"EmptyBesideAGoodOne", "DATABASE_URL=postgres://u@localhost/d\nDATABASE_SERVICE_URL=''", "empty_user"},
    Case{"EveryForbiddenOne", "DATABASE_URL=postgres://u@localhost/d\nPOSTGRES_ROOT_USER=\nAPP_DB_=1\nSHARED_POSTGRES_SUPERUSER_PASSWORD=x\nOPENFACTORY_DB_PRODUCER_TOKEN=t\nX_PRODUCER_TOKEN=t", "forbidden_variable forbidden_variable forbidden_variable forbidden_variable forbidden_variable"},
    Case{"NamesThatOnlyLookForbidden", "DATABASE_URL=postgres://u@localhost/d\nMY_APP_DB_HOST=1\nPOSTGRES_ROOT=1\nX_PRODUCER_TOKE=1\napp_db_host=1\nDATABASE_ROOT_URL_OLD=1\nPRODUCER_TOKEN=1", ""},
    Case{"ForbiddenTwiceIsToldOnce", "DATABASE_URL=postgres://u@localhost/d\nAPP_DB_X=1\nAPP_DB_X=1", "forbidden_variable"},
    Case{"TwiceTheSame", "DATABASE_URL=postgres://u@localhost/d\nDATABASE_URL='postgres://u@localhost/d'", ""},
    Case{"TwiceDifferent", "DATABASE_URL=postgres://u@localhost/d\nDATABASE_URL=postgres://v@localhost/d\nDATABASE_URL=postgres://w@localhost/d", "multiple_values"},
    Case{"AnyVariableTwice", "DATABASE_URL=postgres://u@localhost/d\nA=1\nA=2", "multiple_values"},
    Case{"TheLastCounts", "DATABASE_URL=postgres://root@localhost/d\nDATABASE_URL=postgres://u@localhost/d", "multiple_values"},
    Case{"Everything", "DATABASE_URL=postgres://Admin@db.example/d\nDATABASE_SERVICE_URL=postgres://Admin@other.example/e?sslmode=prefer\nAPP_DB_NAME=x", "different_database forbidden_variable same_user superuser_name superuser_name weak_tls weak_tls"}
), name_of);

INSTANTIATE_TEST_SUITE_P(Syntax, Contract, testing::Values(
    Case{"NoScheme", "DATABASE_URL=app_x:pw@localhost/app_x", "dsn_syntax"},
    Case{"CapitalScheme", "DATABASE_URL=POSTGRES://u@localhost/d", "dsn_syntax"},
    Case{"DriverScheme", "DATABASE_URL=postgresql+asyncpg://u@localhost/d", "dsn_syntax"},
    Case{"QuotesInTheValue", "DATABASE_URL='\"postgres://u@localhost/d\"'", "dsn_syntax"},
    Case{"StrayPercent", "DATABASE_URL=postgres://u:100%@localhost/d", "dsn_syntax"},
    Case{"EncodedNul", "DATABASE_URL=postgres://u%00@localhost/d", "dsn_syntax"},
    Case{"OpenBracket", "DATABASE_URL=postgres://u@[::1/d", "dsn_syntax"},
    Case{"UnknownParameter", "DATABASE_URL=postgres://u@localhost/d?schema=public", "dsn_syntax"},
    Case{"SlashInPassword", "DATABASE_URL=postgres://u:12/3@localhost/d", "dsn_syntax"},
    Case{"AtInPassword", "DATABASE_URL=postgres://u:a@b@localhost/d", "dsn_syntax"},
    Case{"EncodedPassword", "DATABASE_URL=postgres://u:a%40b%2Fc%3A%25@localhost/d", ""},
    Case{"WordForAPort", "DATABASE_URL=postgres://u@localhost:pg/d", "dsn_syntax"},
    Case{"PortTooHigh", "DATABASE_URL=postgres://u@localhost:65536/d", "dsn_syntax"},
    Case{"TooManyPorts", "DATABASE_URL=host=localhost port=1,2 user=u", "dsn_syntax"},
    Case{"TooManyHosts", "DATABASE_URL=host=a,b hostaddr=127.0.0.1 user=u", "dsn_syntax"},
    Case{"OpenQuoteInKeywords", "DATABASE_URL=\"user='u dbname=d\"", "dsn_syntax"},
    Case{"BlanksInKeywords", "DATABASE_URL=\" user = 'u' password = 'a b' host = localhost \"", ""},
    Case{"EmptyPort", "DATABASE_URL=postgres://u@localhost:/d", ""}
), name_of);

INSTANTIATE_TEST_SUITE_P(Users, Contract, testing::Values(
    Case{"OnlyAPassword", "DATABASE_URL=postgres://:pw@localhost/d", "empty_user"},
    Case{"EmptyKeyword", "DATABASE_URL=user='' host=localhost", "empty_user"},
    Case{"EnvironmentDoesNotHelp", "DATABASE_URL=postgres://localhost/d\nPGUSER=u", "empty_user"},
    Case{"ServiceDoesNotHelp", "DATABASE_URL=service=app sslmode=require\nPGSERVICE=app", "empty_user"},
    Case{"QueryWins", "DATABASE_URL=postgres://u@localhost/d?user=ROOT", "multiple_values superuser_name"},
    Case{"QueryAgrees", "DATABASE_URL=postgres://u@localhost/d?user=%75", ""},
    Case{"KeywordTwice", "DATABASE_URL=user=admin user=u host=localhost", "multiple_values"},
    Case{"Superuser", "DATABASE_URL=postgres://SuperUser@localhost/d", "superuser_name"},
    Case{"PartOfAName", "DATABASE_URL=postgres://postgres_app@localhost/d", ""},
    Case{"CaseMattersElsewhere", "DATABASE_URL=postgres://App@localhost/d\nDATABASE_SERVICE_URL=postgres://app@localhost/d", ""},
    Case{"SameUserEncoded", "DATABASE_URL=postgres://%61pp@localhost/d\nDATABASE_SERVICE_URL=host=localhost dbname=d user='a\\\\pp'", "same_user"}
), name_of);

INSTANTIATE_TEST_SUITE_P(Tls, Contract, testing::Values(
    Case{"Unsaid", "DATABASE_URL=postgres://u@db.example/d", "weak_tls"},
    Case{"Prefer", "DATABASE_URL=postgres://u@db.example/d?sslmode=prefer", "weak_tls"},
    Case{"Allow", "DATABASE_URL=postgres://u@db.example/d?sslmode=allow", "weak_tls"},
    Case{"Nonsense", "DATABASE_URL=postgres://u@db.example/d?sslmode=Require", "weak_tls"},
    Case{"VerifyCa", "DATABASE_URL=postgres://u@db.example/d?sslmode=verify-ca", ""},
    Case{"VerifyFull", "DATABASE_URL=postgres://u@db.example/d?sslmode=verify-full", ""},
    Case{"Jdbc", "DATABASE_URL=postgres://u@db.example/d?ssl=true", ""},
    Case{"Requiressl", "DATABASE_URL=host=db.example user=u requiressl=1", ""},
    Case{"JdbcAgainstMode", "DATABASE_URL=postgres://u@db.example/d?ssl=true&sslmode=disable", "multiple_values weak_tls"},
    Case{"EnvironmentDoesNotHelp", "DATABASE_URL=postgres://u@db.example/d\nPGSSLMODE=require", "weak_tls"},
    Case{"AnyLoopback", "DATABASE_URL=postgres://u@127.8.9.10/d", ""},
    Case{"ShortNotation", "DATABASE_URL=postgres://u@127.1/d", "weak_tls"},
    Case{"LoopbackSix", "DATABASE_URL=postgres://u@[0:0::1]/d", ""},
    Case{"MappedLoopback", "DATABASE_URL=postgres://u@[::ffff:127.0.0.1]/d", ""},
    Case{"OtherSix", "DATABASE_URL=postgres://u@[2001:db8::1]/d", "weak_tls"},
    Case{"LocalhostAnyCase", "DATABASE_URL=postgres://u@LocalHost/d", ""},
    Case{"NotLocalhost", "DATABASE_URL=postgres://u@localhost.example/d", "weak_tls"},
    Case{"NotLoopback", "DATABASE_URL=postgres://u@127.0.0.1.example/d", "weak_tls"},
    Case{"Socket", "DATABASE_URL=postgres://u@%2Frun%2Fpostgresql/d", ""},
    Case{"SocketInQuery", "DATABASE_URL=postgres:///d?user=u&host=/run/postgresql", ""},
    Case{"AbstractSocket", "DATABASE_URL=host=@app user=u", ""},
    Case{"NoHostAtAll", "DATABASE_URL=postgres://u@/d", ""},
    Case{"OneOfSeveral", "DATABASE_URL=postgres://u@localhost,db.example/d", "weak_tls"},
    Case{"AllOfSeveral", "DATABASE_URL=postgres://u@localhost:1,[::1]:2,/d", ""},
    Case{"AddressWins", "DATABASE_URL=host=localhost hostaddr=192.0.2.1 user=u", "weak_tls"},
    Case{"AddressWinsForGood", "DATABASE_URL=host=db.example hostaddr=127.0.0.1 user=u", ""},
    Case{"HostOfTheEnvironment", "DATABASE_URL=postgres://u@/d\nPGHOST=db.example", "weak_tls"},
    Case{"AddressOfTheEnvironment", "DATABASE_URL=postgres://u@localhost/d\nPGHOSTADDR=192.0.2.1", "weak_tls"},
    Case{"ServiceMayLeadAway", "DATABASE_URL=postgres://u@localhost/d?service=x", "weak_tls"},
    Case{"ServiceOfTheEnvironment", "DATABASE_URL=postgres://u@/d\nPGSERVICE=x", "weak_tls"},
    Case{"ServiceWithTls", "DATABASE_URL=postgres://u@/d?service=x&sslmode=require", ""}
), name_of);

#define APP "DATABASE_URL=postgres://u@localhost:5000/d\nDATABASE_SERVICE_URL="

INSTANTIATE_TEST_SUITE_P(Places, Contract, testing::Values(
    Case{"OtherPort", APP "postgres://v@localhost:5001/d", "different_database"},
    Case{"OtherDatabase", APP "postgres://v@localhost:5000/e", "different_database"},
    Case{"OtherHost", APP "postgres://v@/d?port=5000&host=/tmp", "different_database"},
    Case{"MoreHosts", APP "postgres://v@localhost:5000,localhost:5000/d", "different_database"},
    Case{"SameLoopback", APP "postgres://v@[::1]:5000/d", ""},
    Case{"SameInKeywords", APP "host=LOCALHOST port=5000 user=v dbname=d", ""},
    Case{"PortOfTheEnvironment", APP "postgres://v@localhost/d\nPGPORT=5000", ""},
    Case{"DatabaseOfTheEnvironment", APP "postgres://v@localhost:5000\nPGDATABASE=d", ""},
    Case{"DatabaseOfTheUserName", "DATABASE_URL=postgres://u@localhost\nDATABASE_SERVICE_URL=postgres://v@localhost", "different_database"},
    Case{"NamedLikeTheUser", "DATABASE_URL=postgres://u@localhost\nDATABASE_SERVICE_URL=postgres://v@localhost/u", ""},
    Case{"OneOfTwoHasAnAddress", "DATABASE_URL=postgres://u@db.example/d?sslmode=require\nDATABASE_SERVICE_URL=postgres://v@DB.example/d?sslmode=require&hostaddr=192.0.2.1", ""},
    Case{"OtherService", "DATABASE_URL=user=u service=a sslmode=require\nDATABASE_SERVICE_URL=user=v service=b sslmode=require", "different_database"},
    Case{"SameService", "DATABASE_URL=user=u service=a sslmode=require\nDATABASE_SERVICE_URL=user=v service=a sslmode=require", ""},
    Case{"ServiceComesBeforeTheEnvironment", "DATABASE_URL=user=u service=a sslmode=require\nDATABASE_SERVICE_URL=user=v service=a dbname=d sslmode=require\nPGDATABASE=d", "different_database"}
), name_of);

#define ROOT "DATABASE_ROOT_URL=postgres://postgres:pw@localhost/postgres\n"
#define TWO "DATABASE_URL=postgres://a@localhost/d\nDATABASE_SERVICE_URL=postgres://b@localhost/d\n"

INSTANTIATE_TEST_SUITE_P(OwnSecrets, Contract, testing::Values(
    Case{"TokenFile", TWO "X_PRODUCER_TOKEN_FILE=/run/token", "forbidden_variable"},
    Case{"RegistryUrl", TWO "APPINFRA_DATABASE_URL=postgres://p@localhost/platform", "forbidden_variable"},
    Case{"RegistryUrlFile", TWO "APPINFRA_DATABASE_URL_FILE=/run/url", "forbidden_variable"},
    Case{"CheckUrl", TWO "APPINFRA_CHECK_DATABASE_URL=postgres://p@localhost/platform", "forbidden_variable"},
    Case{"StoreAdmin", TWO "APPINFRA_S3_ADMIN_SECRET_KEY=x", "forbidden_variable"},
    Case{"NamesLikeThem", TWO "PRODUCER_TOKEN=x\nAPPINFRA_URL=https://x\nMY_APPINFRA_DATABASE_URL=x", ""}
), name_of);

INSTANTIATE_TEST_SUITE_P(Lane, Provisioning, testing::Values(
    Case{"All", ROOT "DATABASE_URL=postgres://a@localhost/d\nDATABASE_SERVICE_URL=postgres://b@localhost/e\nPOSTGRES_ROOT_USER=x\nAPP_DB_HOST=y", ""},
    Case{"RootAlone", ROOT, "required required"},
    Case{"NoRoot", TWO, "required"},
    Case{"NoService", ROOT "DATABASE_URL=postgres://a@localhost/d", "required"},
    Case{"NoApp", ROOT "DATABASE_SERVICE_URL=postgres://b@localhost/d", "required"},
    Case{"RootsNameElsewhere", ROOT "DATABASE_URL=postgres://root@localhost/d\nDATABASE_SERVICE_URL=postgres://b@localhost/d", "superuser_name"},
    Case{"RootsUserElsewhere", ROOT "DATABASE_URL=postgres://a@localhost/d\nDATABASE_SERVICE_URL=postgres://postgres@localhost/d", "same_user superuser_name"},
    Case{"OneUserForAll", "DATABASE_ROOT_URL=user=a\nDATABASE_URL=user=a\nDATABASE_SERVICE_URL=user=a", "same_user same_user same_user"},
    Case{"RootNeedsTls", TWO "DATABASE_ROOT_URL=postgres://c@db.example/d", "weak_tls"},
    Case{"RootNeedsAUser", TWO "DATABASE_ROOT_URL=postgres:///d", "empty_user"},
    Case{"RootThatIsNone", TWO "DATABASE_ROOT_URL=x", "dsn_syntax"}
), name_of);
// clang-format on
