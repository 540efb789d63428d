-- Replication slots, with the bytes of log that each keeps on disk.
SELECT
    slot.slot_name::text AS name,
    slot.slot_type AS kind,
    slot.active,
    slot.wal_status,
    age(slot.xmin)::bigint AS transactions,
    pg_wal_lsn_diff(
        CASE
            WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn()
            ELSE pg_current_wal_lsn()
        END,
        slot.restart_lsn
    )::bigint AS bytes
FROM pg_replication_slots AS slot
ORDER BY bytes DESC NULLS LAST
LIMIT 20
