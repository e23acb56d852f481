//! Every finding on real traffic: a scene that makes it happen, and one that comes close and must not.
//!
//! All scenes play at once, each at a server address of its own, while sockhound watches from the app's host and from the
//! database's host. The last test holds that no scene is told of anything but what it plays.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that can't go on fails"
)]

#[path = "../support/mod.rs"]
mod support;

mod clients;
mod hoarding;
mod lives;
mod logins;
mod network;
mod pools;
mod stage;
mod statements;

use stage::{Scene, seen};

/// All scenes.
fn scenes() -> Vec<Scene> {
    [
        hoarding::SCENES,
        pools::SCENES,
        statements::SCENES,
        lives::SCENES,
        logins::SCENES,
        network::SCENES,
    ]
    .concat()
}

#[test]
fn nothing_is_told_that_is_not_played() {
    let Some(seen) = seen() else { return };
    let mut wrong = Vec::new();
    for (host, summary) in seen.hosts() {
        for scene in scenes() {
            let told = stage::codes_at(summary, scene.at);
            if !scene.is_told(host, &told) {
                wrong.push(format!("{} from {host}: {told:?}", scene.at));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_code_has_its_scene_and_its_close_cousin() {
    let scenes = scenes();
    for code in sockhound::findings::codes() {
        // What is readable on the wire is told of nearly every scene.
        let played = code == "clear_text" || scenes.iter().any(|scene| scene.tells(code));
        assert!(played, "{code} is never played");
        assert!(
            scenes.iter().any(|scene| scene.near.contains(&code)),
            "nothing comes close to {code}"
        );
    }
}
