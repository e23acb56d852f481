//! PostgreSQL in the lab.

use std::path::{Path, PathBuf};

use super::lab::{Lab, newest, succeed};

const AS_POSTGRES: [&str; 4] = [
    "setpriv",
    "--reuid=postgres",
    "--regid=postgres",
    "--clear-groups",
];

/// Who gets in: `locked` by its password, all others as they are.
const RULES: &str = "host all locked 0.0.0.0/0 scram-sha-256\nhost all all 0.0.0.0/0 trust\n";

impl Lab {
    /// PostgreSQL at 10.9.0.2:5432, database and user `app`; it logs every statement that it runs. Returns the log.
    pub fn start_postgresql(&mut self) -> PathBuf {
        self.start_postgresql_with(
            "pg",
            5432,
            &["log_min_duration_statement=0", "log_line_prefix=%a|"],
        )
    }

    /// A server of that name at that port of all addresses, with these settings. Returns the log.
    pub fn start_postgresql_with(&mut self, name: &str, port: u16, settings: &[&str]) -> PathBuf {
        let data = self.postgresql_data(name);
        let (postgres, port) = (binary("postgres"), port.to_string());
        let sockets = format!("unix_socket_directories={data}");
        let always = ["listen_addresses=*", "fsync=off", "jit=off", &sockets];
        let settings = always.iter().chain(settings).flat_map(|&setting| ["-c", setting]);
        let line: Vec<&str> = AS_POSTGRES
            .into_iter()
            .chain([&postgres, "-D", &data, "-p", &port])
            .chain(settings)
            .collect();
        let log = format!("{name}.log");
        self.start(&line, &log);
        let make = "create database app";
        let psql = [
            "psql", "-XAt", "-h", "10.9.0.2", "-p", &port, "-U", "app", "-d", "postgres",
        ];
        self.until(&[&psql[..], &["-c", make]].concat());
        self.succeed(&[&psql[..], &["-c", "create role locked login password 'hunter2'"]].concat());
        self.folder().join(log)
    }

    /// A fresh data directory with a certificate.
    fn postgresql_data(&self, name: &str) -> String {
        let (fresh, data) = (self.path("fresh"), self.path(name));
        if !Path::new(&fresh).exists() {
            make(&fresh);
        }
        succeed(&["cp", "-a", &fresh, &data]);
        data
    }
}

fn make(data: &str) {
    succeed(&["install", "-d", "-o", "postgres", data]);
    let initdb = binary("initdb");
    let options = [&initdb, "-D", data, "-U", "app", "-A", "trust", "--no-sync"];
    succeed(&[&AS_POSTGRES[..], &options].concat());
    std::fs::write(format!("{data}/pg_hba.conf"), RULES).unwrap();
    let (key, certificate) = (format!("{data}/server.key"), format!("{data}/server.crt"));
    let request = [
        "openssl", "req", "-x509", "-nodes", "-newkey", "rsa:2048", "-subj", "/CN=db",
    ];
    succeed(&[&request[..], &["-keyout", &key, "-out", &certificate]].concat());
    succeed(&["chown", "postgres", &key, &certificate]);
    succeed(&["chmod", "600", &key]);
}

fn binary(name: &str) -> String {
    format!("{}/{name}", newest("/usr/lib/postgresql", "bin"))
}
