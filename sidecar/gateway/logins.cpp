// See logins.hpp.
#include "gateway/logins.hpp"

#include <algorithm>
#include <optional>

#include "platform/problem.hpp"

namespace sidecar::gateway
{
namespace
{

constexpr Duration life = std::chrono::minutes(40); // two thirds of an hour
constexpr Duration young = std::chrono::seconds(2); // before that none is asked for again

} // namespace

asio::awaitable<Logins::Shared>
Logins::get(const std::string &db_id, const std::string &access)
{
    Place &place = places_[{db_id, access}];
    while (place.asking) {
        const auto waiting = place.waiting.emplace_back(std::make_shared<Awaited<bool>>(io_));
        co_await waiting->get();
    }
    if (!place.login || clock_.now() >= place.login->renew_at)
        co_await ask(place, db_id, access);
    co_return place.login;
}

// Asks the registry for a login, and lets those go on who wait for it.
asio::awaitable<void>
Logins::ask(Place &place, const std::string &db_id, const std::string &access)
{
    place.asking = true;
    std::optional<SqlError> refused;
    std::optional<Problem> problem;
    try {
        Secret url = co_await registry_.login(db_id, access);
        const TimePoint now = clock_.now();
        place.login = std::make_shared<Login>(Login{std::move(url), now, now + life});
    } catch (const ControlRefused &error) {
        refused = error.error;
    } catch (const Problem &unanswered) {
        problem = unanswered;
    }
    place.asking = false;
    for (const auto &waiting : std::exchange(place.waiting, {}))
        waiting->set(true);
    if (problem)
        throw *problem;
    if (refused && refused->sqlstate == "55000")
        KeyState{"active", "inactive"}.check();
    if (refused)
        throw problem_of(*refused); // cppcheck-suppress missingReturn ; of a coroutine
}

// One that has served was revoked meanwhile. One that never did may have been as well, but a server
// that nobody reaches must not cost the registry a login with each call.
bool
Logins::give_up(Login &login) const
{
    if (!login.served && clock_.now() <= login.made + young)
        return false;
    login.renew_at = {};
    return true;
}

bool
Logins::is_current(const std::string &db_id, const std::string &access, const Shared &login) const
{
    const auto place = places_.find({db_id, access});
    return place != places_.end() && place->second.login == login;
}

std::size_t
Logins::count() const
{
    return static_cast<std::size_t>(
        std::count_if(places_.begin(), places_.end(),
                      [](const auto &place) { return place.second.login != nullptr; }));
}

} // namespace sidecar::gateway
