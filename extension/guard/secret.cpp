/* Tells which reads show secrets. See secret.hpp. */
#include "guard/secret.hpp"

namespace appinfra::guard
{

/* Columns that hold secrets. */
static constexpr struct {
    Oid relation;
    AttrNumber column;
} secrets[] = {
    {AuthIdRelationId, Anum_pg_authid_rolpassword},
    {SubscriptionRelationId, Anum_pg_subscription_subconninfo},
    {UserMappingRelationId, Anum_pg_user_mapping_umoptions},
};

constexpr AttrNumber shadow_password = 7; /* of pg_shadow: passwd */

static bool reads_secret(const pg::RelationNeed *need);
static bool reads_samples(const pg::RelationNeed *need);
static bool selects(const pg::RelationNeed *need, AttrNumber column);
static bool is_shown(const pg::RelationNeed *need, const List *needs);
static bool has_made_view(const List *needs);
static bool is_shadow(Oid relation);

bool
shows_secret(const pg::RelationNeed *need, const List *needs)
{
    return (reads_secret(need) && is_shown(need, needs)) || reads_samples(need);
}

static bool
reads_secret(const pg::RelationNeed *need)
{
    if ((need->requiredPerms & ACL_SELECT) == 0)
        return false;
    for (const auto &[relation, column] : secrets)
        if (need->relid == relation)
            return selects(need, column);
    return is_shadow(need->relid) &&
           (!OidIsValid(need->checkAsUser) || selects(need, shadow_password));
}

/*
 * Statistics hold samples of every column, verifiers too. pg_stats shows to each what it may read:
 * that is too much where somebody may read pg_authid.
 */
static bool
reads_samples(const pg::RelationNeed *need)
{
    if (need->relid != StatisticRelationId || (need->requiredPerms & ACL_SELECT) == 0)
        return false;
    return !OidIsValid(need->checkAsUser) ||
           pg_class_aclcheck(AuthIdRelationId, GetUserId(), ACL_SELECT) == ACLCHECK_OK ||
           pg_attribute_aclcheck(AuthIdRelationId, Anum_pg_authid_rolpassword, GetUserId(),
                                 ACL_SELECT) == ACLCHECK_OK;
}

/* Tells whether the column, or the whole row, is read. */
static bool
selects(const pg::RelationNeed *need, AttrNumber column)
{
    return bms_is_member(column - FirstLowInvalidHeapAttributeNumber, need->selectedCols) ||
           bms_is_member(InvalidAttrNumber - FirstLowInvalidHeapAttributeNumber,
                         need->selectedCols);
}

/*
 * Tells whether who reads the column also gets to see it. The system's own views read it without
 * showing it: pg_user does by way of pg_shadow, which has it in a column of its own, and
 * pg_user_mappings unless for a superuser.
 */
static bool
is_shown(const pg::RelationNeed *need, const List *needs)
{
    int readers = 0;
    int shadows = 0;
    ListCell *cell;

    if (!OidIsValid(need->checkAsUser) || is_shadow(need->relid))
        return true;
    if (need->relid != AuthIdRelationId)
        return superuser() || has_made_view(needs);
    foreach (cell, needs) {
        const auto *other = static_cast<const pg::RelationNeed *>(lfirst(cell));

        if (!pg::is_of_relation(other) || (other->requiredPerms & ACL_SELECT) == 0)
            continue;
        if (other->relid == AuthIdRelationId && selects(other, Anum_pg_authid_rolpassword))
            readers++;
        if (is_shadow(other->relid))
            shadows++;
    }
    return readers > shadows;
}

/* Tells whether a view takes part that did not come with the server. */
static bool
has_made_view(const List *needs)
{
    ListCell *cell;

    foreach (cell, needs) {
        const auto *need = static_cast<const pg::RelationNeed *>(lfirst(cell));

        if (pg::is_of_relation(need) && need->relid >= FirstNormalObjectId &&
            get_rel_relkind(need->relid) == RELKIND_VIEW)
            return true;
    }
    return false;
}

/* What initdb makes has an OID of its own, above those that the catalogs are born with. */
static bool
is_shadow(Oid relation)
{
    return relation >= FirstUnpinnedObjectId && relation < FirstNormalObjectId &&
           relation == get_relname_relid("pg_shadow", PG_CATALOG_NAMESPACE);
}

} // namespace appinfra::guard
