//! What reading, checking and editing a configuration costs.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fpm_config::edit::{Editor, NewValue, Target};
use fpm_config::syntax::Document;
use fpm_config::world::{Account, Group, MemoryWorld, World};
use fpm_config::{Config, Options};

/// A pool with the usual settings.
fn pool(number: usize) -> String {
    format!(
        "; site {number}\n[site{number}]\nuser = www-data\ngroup = www-data\n\
         listen = /run/$pool.sock\npm = dynamic\npm.max_children = 5\n\
         pm.start_servers = 2\npm.min_spare_servers = 1\npm.max_spare_servers = 3\n\
         php_admin_value[memory_limit] = 128M\nenv[TMP] = \"/tmp\"\n\n"
    )
}

fn config(criterion: &mut Criterion) {
    let text: String = (0..100).map(pool).collect();
    let mut world = MemoryWorld::default();
    world.add_user("www-data", Account::new(33, 33));
    world.add_group("www-data", Group::new(33));
    world.add_file("/etc/fpm.conf", text.clone());
    world.add_file("/var/log/keep", "");
    let mut group = criterion.benchmark_group("config");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("parse_100_pools", |bencher| {
        bencher.iter(|| Document::parse(black_box(text.as_bytes())));
    });
    group.bench_function("check_100_pools", |bencher| {
        let options = Options::default();
        bencher.iter(|| Config::load("/etc/fpm.conf".as_ref(), &options, &World::of(&world)));
    });
    group.bench_function("set_in_100_pools", |bencher| {
        bencher.iter(|| {
            let mut editor = Editor::new(text.as_bytes(), &world);
            let target = Target::parse("pm.max_children");
            editor.set("site50", target, &NewValue::Meant(b"9"))
        });
    });
    group.finish();
}

criterion_group!(benches, config);
criterion_main!(benches);
