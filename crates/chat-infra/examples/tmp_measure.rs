use std::{sync::Arc, time::Instant};
use chat_domain::{group::*, id::*, member::*, message::*, ports::*, time::Timestamp, user::*};
use chat_infra::sqlite::SqliteDatabase;
#[tokio::main]
async fn main() {
    let path = std::env::args().nth(1).unwrap();
    let groups: usize = std::env::args().nth(2).unwrap().parse().unwrap();
    let db = Arc::new(SqliteDatabase::open(&format!("sqlite://{path}")).await.unwrap());
    db.migrate().await.unwrap();
    let ada = User { id: UserId::parse("ada").unwrap(), name: UserName::parse("Ada").unwrap(), image: None };
    let now = Timestamp::from_millis(1_700_000_000_000);
    db.save(&ada, now).await.unwrap();
    for g in 0..groups {
        let group = Group { id: GroupId::parse(&format!("g{g}")).unwrap(), name: GroupName::parse("g").unwrap(), description: None, is_private: false,
            head: Head { last_seq: Seq::ZERO, epoch: Epoch::new("e") }, created_at: now };
        GroupRepo::create(&*db, &group, &ada.id).await.unwrap();
    }
    for (senders, total) in [(1usize, 3000usize), (8, 8000), (64, 64000), (256, 64000)] {
        let before = db.committed_batches();
        let start = Instant::now();
        let mut tasks = Vec::new();
        for s in 0..senders {
            let db = Arc::clone(&db); let ada = ada.clone();
            tasks.push(tokio::spawn(async move {
                let mut lat = Vec::new();
                for i in 0..total / senders {
                    let n = (senders as u128) << 96 | (s as u128) << 32 | i as u128;
                    let member = Member { group: GroupId::parse(&format!("g{}", (s + i) % groups)).unwrap(), user: ada.id.clone(), role: Role::Owner, joined_at: now };
                    let d = member.compose(&ada, Composition { body: MessageBody::stored(&"x".repeat(200)), kind: MessageKind::Text, reply_to: None,
                        client_id: Some(ClientMessageId::parse(&format!("c{n:x}")).unwrap()) }, MessageId::v7(Timestamp::from_millis(1_700_000_000_000 + i as u64), n << 66 | n), now);
                    let t = Instant::now();
                    match db.append(d).await.unwrap() { Appended::Stored(_) => {}, o => panic!("{o:?}") }
                    lat.push(t.elapsed());
                }
                lat
            }));
        }
        let mut lat = Vec::new();
        for t in tasks { lat.extend(t.await.unwrap()); }
        lat.sort();
        let e = start.elapsed().as_secs_f64();
        let batches = db.committed_batches() - before;
        println!("{senders:4} senders: {:8.0}/s, {} in {batches} commits ({:.1} each), p50 {:?} p99 {:?} max {:?}", lat.len() as f64 / e, lat.len(), lat.len() as f64 / batches as f64, lat[lat.len()/2], lat[lat.len()*99/100], lat.last().unwrap());
    }
    let t = Instant::now();
    for _ in 0..3000 { db.find_bench().await; }
    println!("3000 membership finds one by one: {:?} each", t.elapsed() / 3000);
    db.close().await;
}
trait B { async fn find_bench(&self); }
impl B for SqliteDatabase { async fn find_bench(&self) { MembershipRepo::find(self, &GroupId::parse("g0").unwrap(), &UserId::parse("ada").unwrap()).await.unwrap().unwrap(); } }
