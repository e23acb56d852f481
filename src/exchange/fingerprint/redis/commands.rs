//! The commands of Redis and Valkey, and where their keys are.
//!
//! From the server's own `COMMAND` reply (Redis 7.0) and the references of later versions and modules.

/// Which of a command's arguments are keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keys {
    None,
    One,
    Two,
    All,
    AllButFirst,
    AllButLast,
    /// Every second one: keys and their values.
    Pairs,
    /// Every third one.
    Triples,
    /// As many as the argument at this place says.
    Counted(u8),
    /// A destination and as many as the second argument says.
    Stored,
    /// Half of what follows STREAMS.
    Streams,
    /// A subcommand comes first.
    Container,
}

/// A command that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Command {
    /// In upper case.
    pub(super) name: &'static str,
    pub(super) keys: Keys,
}

/// The command of this name, in whatever case.
pub(super) fn find(name: &[u8]) -> Option<Command> {
    let mut slot = spread(name);
    loop {
        let (group, place) = *PLACES.get(slot)?;
        let (keys, names) = GROUPS.get(usize::from(group))?;
        let known = names.get(usize::from(place))?;
        if known.as_bytes().eq_ignore_ascii_case(name) {
            return Some(Command {
                name: known,
                keys: *keys,
            });
        }
        slot = (slot + 1) % SLOTS;
    }
}

/// The known subcommand of this name, whatever its container.
pub(super) fn find_subcommand(name: &[u8]) -> Option<&'static str> {
    SUBCOMMANDS
        .iter()
        .find(|known| known.as_bytes().eq_ignore_ascii_case(name))
        .copied()
}

/// Whether a container's subcommands take a key.
pub(super) fn keyed(container: &str) -> bool {
    matches!(container, "OBJECT" | "XGROUP" | "XINFO" | "MEMORY")
}

/// Over twice the commands there are.
const SLOTS: usize = 1024;

/// No such group.
const FREE: u8 = u8::MAX;

/// Group and place in it, by the hash of the name; open addressing.
static PLACES: [(u8, u8); SLOTS] = places();

const fn places() -> [(u8, u8); SLOTS] {
    let mut places = [(FREE, 0); SLOTS];
    let mut group = 0;
    while group < GROUPS.len() {
        let names = GROUPS[group].1;
        let mut at = 0;
        while at < names.len() {
            let mut slot = spread(names[at].as_bytes());
            while places[slot].0 != FREE {
                slot = (slot + 1) % SLOTS;
            }
            places[slot] = (group as u8, at as u8);
            at += 1;
        }
        assert!(at <= 256);
        group += 1;
    }
    places
}

/// FNV-1a of the name in upper case.
const fn spread(name: &[u8]) -> usize {
    let mut hash = 0x811c_9dc5_u32;
    let mut at = 0;
    while at < name.len() && at < 24 {
        hash = (hash ^ name[at].to_ascii_uppercase() as u32).wrapping_mul(0x0100_0193);
        at += 1;
    }
    (hash ^ (hash >> 15)) as usize % SLOTS
}

#[rustfmt::skip]
const GROUPS: &[(Keys, &[&str])] = &[
    (Keys::None, &[
        "ASKING", "AUTH", "BGREWRITEAOF", "BGSAVE", "DBSIZE", "DEBUG", "DISCARD", "ECHO", "EXEC",
        "FAILOVER", "FLUSHALL", "FLUSHDB", "FT._LIST", "HELLO", "INFO", "KEYS", "LASTSAVE", "LOLWUT",
        "MONITOR", "MULTI", "PFSELFTEST", "PING", "PSUBSCRIBE", "PSYNC", "PUBLISH", "PUNSUBSCRIBE",
        "QUIT", "RANDOMKEY", "READONLY", "READWRITE", "REPLCONF", "REPLICAOF", "RESET", "ROLE", "SAVE",
        "SCAN", "SELECT", "SHUTDOWN", "SLAVEOF", "SPUBLISH", "SSUBSCRIBE", "SUBSCRIBE", "SUNSUBSCRIBE",
        "SWAPDB", "SYNC", "TIME", "TS.MGET", "TS.MRANGE", "TS.MREVRANGE", "TS.QUERYINDEX",
        "UNSUBSCRIBE", "UNWATCH", "WAIT", "WAITAOF",
    ]),
    (Keys::One, &[
        "APPEND", "BF.ADD", "BF.CARD", "BF.EXISTS", "BF.INFO", "BF.INSERT", "BF.MADD", "BF.MEXISTS",
        "BF.RESERVE", "BITCOUNT", "BITFIELD", "BITFIELD_RO", "BITPOS", "CF.ADD", "CF.ADDNX", "CF.COUNT",
        "CF.DEL", "CF.EXISTS", "CF.INSERT", "CF.MEXISTS", "CF.RESERVE", "CMS.INCRBY", "CMS.INITBYDIM",
        "CMS.INITBYPROB", "CMS.QUERY", "DECR", "DECRBY", "DELEX", "DIGEST", "DUMP", "EXPIRE",
        "EXPIREAT", "EXPIRETIME", "FT.AGGREGATE", "FT.ALTER", "FT.CREATE", "FT.CURSOR", "FT.DROPINDEX",
        "FT.EXPLAIN", "FT.HYBRID", "FT.INFO", "FT.SEARCH", "FT.SUGADD", "FT.SUGGET", "FT.TAGVALS",
        "GCRA", "GEOADD", "GEODIST", "GEOHASH", "GEOPOS", "GEORADIUS", "GEORADIUSBYMEMBER",
        "GEORADIUSBYMEMBER_RO", "GEORADIUS_RO", "GEOSEARCH", "GET", "GETBIT", "GETDEL", "GETEX",
        "GETRANGE", "GETSET", "HDEL", "HEXISTS", "HEXPIRE", "HEXPIREAT", "HEXPIRETIME", "HGET",
        "HGETALL", "HGETDEL", "HGETEX", "HINCRBY", "HINCRBYFLOAT", "HKEYS", "HLEN", "HMGET", "HMSET",
        "HPERSIST", "HPEXPIRE", "HPEXPIREAT", "HPEXPIRETIME", "HPTTL", "HRANDFIELD", "HSCAN", "HSET",
        "HSETEX", "HSETNX", "HSTRLEN", "HTTL", "HVALS", "INCR", "INCRBY", "INCRBYFLOAT", "INCREX",
        "JSON.ARRAPPEND", "JSON.ARRINDEX", "JSON.ARRINSERT", "JSON.ARRLEN", "JSON.ARRPOP",
        "JSON.ARRTRIM", "JSON.CLEAR", "JSON.DEL", "JSON.FORGET", "JSON.GET", "JSON.MERGE",
        "JSON.NUMINCRBY", "JSON.NUMMULTBY", "JSON.OBJKEYS", "JSON.OBJLEN", "JSON.RESP", "JSON.SET",
        "JSON.STRAPPEND", "JSON.STRLEN", "JSON.TOGGLE", "JSON.TYPE", "LINDEX", "LINSERT", "LLEN",
        "LPOP", "LPOS", "LPUSH", "LPUSHX", "LRANGE", "LREM", "LSET", "LTRIM", "MIGRATE", "MOVE",
        "PERSIST", "PEXPIRE", "PEXPIREAT", "PEXPIRETIME", "PFADD", "PFDEBUG", "PSETEX", "PTTL",
        "RESTORE", "RESTORE-ASKING", "RPOP", "RPUSH", "RPUSHX", "SADD", "SCARD", "SET", "SETBIT",
        "SETEX", "SETNX", "SETRANGE", "SISMEMBER", "SMEMBERS", "SMISMEMBER", "SORT", "SORT_RO", "SPOP",
        "SRANDMEMBER", "SREM", "SSCAN", "STRLEN", "SUBSTR", "TDIGEST.ADD", "TDIGEST.CREATE",
        "TDIGEST.QUANTILE", "TOPK.ADD", "TOPK.INCRBY", "TOPK.LIST", "TOPK.QUERY", "TOPK.RESERVE",
        "TS.ADD", "TS.ALTER", "TS.CREATE", "TS.DECRBY", "TS.DEL", "TS.GET", "TS.INCRBY", "TS.INFO",
        "TS.RANGE", "TS.REVRANGE", "TTL", "TYPE", "VADD", "VCARD", "VDIM", "VEMB", "VGETATTR", "VINFO",
        "VISMEMBER", "VLINKS", "VRANDMEMBER", "VRANGE", "VREM", "VSETATTR", "VSIM", "XACK", "XACKDEL",
        "XADD", "XAUTOCLAIM", "XCFGSET", "XCLAIM", "XDEL", "XDELEX", "XLEN", "XPENDING", "XRANGE",
        "XREVRANGE", "XSETID", "XTRIM", "ZADD", "ZCARD", "ZCOUNT", "ZINCRBY", "ZLEXCOUNT", "ZMSCORE",
        "ZPOPMAX", "ZPOPMIN", "ZRANDMEMBER", "ZRANGE", "ZRANGEBYLEX", "ZRANGEBYSCORE", "ZRANK", "ZREM",
        "ZREMRANGEBYLEX", "ZREMRANGEBYRANK", "ZREMRANGEBYSCORE", "ZREVRANGE", "ZREVRANGEBYLEX",
        "ZREVRANGEBYSCORE", "ZREVRANK", "ZSCAN", "ZSCORE",
    ]),
    (Keys::Two, &[
        "BLMOVE", "BRPOPLPUSH", "COPY", "GEOSEARCHSTORE", "LCS", "LMOVE", "RENAME", "RENAMENX",
        "RPOPLPUSH", "SMOVE", "ZRANGESTORE",
    ]),
    (Keys::All, &[
        "DEL", "EXISTS", "MGET", "PFCOUNT", "PFMERGE", "SDIFF", "SDIFFSTORE", "SINTER", "SINTERSTORE",
        "SUNION", "SUNIONSTORE", "TOUCH", "UNLINK", "WATCH",
    ]),
    (Keys::AllButFirst, &[
        "BITOP",
    ]),
    (Keys::AllButLast, &[
        "BLPOP", "BRPOP", "BZPOPMAX", "BZPOPMIN", "JSON.MGET",
    ]),
    (Keys::Pairs, &[
        "MSET", "MSETNX",
    ]),
    (Keys::Triples, &[
        "JSON.MSET", "TS.MADD",
    ]),
    (Keys::Counted(0), &[
        "LMPOP", "SINTERCARD", "ZDIFF", "ZINTER", "ZINTERCARD", "ZMPOP", "ZUNION",
    ]),
    (Keys::Counted(1), &[
        "BLMPOP", "BZMPOP", "EVAL", "EVALSHA", "EVALSHA_RO", "EVAL_RO", "FCALL", "FCALL_RO",
    ]),
    (Keys::Stored, &[
        "ZDIFFSTORE", "ZINTERSTORE", "ZUNIONSTORE",
    ]),
    (Keys::Streams, &[
        "XREAD", "XREADGROUP",
    ]),
    (Keys::Container, &[
        "ACL", "CLIENT", "CLUSTER", "COMMAND", "COMMANDLOG", "CONFIG", "FUNCTION", "LATENCY", "MEMORY",
        "MODULE", "OBJECT", "PUBSUB", "SCRIPT", "SENTINEL", "SLOWLOG", "XGROUP", "XINFO",
    ]),
];

#[rustfmt::skip]
const SUBCOMMANDS: &[&str] = &[
        "ADDSLOTS", "ADDSLOTSRANGE", "BUMPEPOCH", "CACHING", "CAPA", "CAT", "CHANNELS", "CKQUORUM",
        "CONSUMERS", "COUNT", "COUNT-FAILURE-REPORTS", "COUNTKEYSINSLOT", "CREATE", "CREATECONSUMER",
        "DEBUG", "DELCONSUMER", "DELETE", "DELSLOTS", "DELSLOTSRANGE", "DELUSER", "DESTROY", "DOCS",
        "DOCTOR", "DRYRUN", "DUMP", "ENCODING", "EXISTS", "FAILOVER", "FLUSH", "FLUSHSLOTS", "FORGET",
        "FREQ", "GENPASS", "GET", "GET-MASTER-ADDR-BY-NAME", "GETKEYS", "GETKEYSANDFLAGS",
        "GETKEYSINSLOT", "GETNAME", "GETREDIR", "GETSLOTMIGRATIONS", "GETUSER", "GRAPH", "GROUPS",
        "HELP", "HISTOGRAM", "HISTORY", "ID", "IDLETIME", "IMPORT-SOURCE", "INFO", "KEYSLOT", "KILL",
        "LATEST", "LEN", "LINKS", "LIST", "LOAD", "LOADEX", "LOG", "MALLOC-STATS", "MASTER", "MASTERS",
        "MEET", "MIGRATESLOTS", "MIGRATION", "MYID", "MYSHARDID", "NO-EVICT", "NO-TOUCH", "NODES",
        "NUMPAT", "NUMSUB", "PAUSE", "PURGE", "REFCOUNT", "REPLICAS", "REPLICATE", "REPLY", "RESET",
        "RESETSTAT", "RESTORE", "REWRITE", "SAVE", "SAVECONFIG", "SENTINELS", "SET", "SET-CONFIG-EPOCH",
        "SETID", "SETINFO", "SETNAME", "SETSLOT", "SETUSER", "SHARDCHANNELS", "SHARDNUMSUB", "SHARDS",
        "SLAVES", "SLOT-STATS", "SLOTS", "STATS", "STREAM", "SYNCSLOTS", "TRACKING", "TRACKINGINFO",
        "UNBLOCK", "UNLOAD", "UNPAUSE", "USAGE", "USERS", "WHOAMI",
];
